"""Draws of all arms have numbers of their own."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tasks.adapt.numbering import MOST_DRAWS, MOST_STEPS, draw_indices
from tasks.errors import RequestError


def test_the_base_arm_counts_on_from_stage_to_stage() -> None:
    assert [list(draw_indices(0, stage, 3)) for stage in range(3)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
    ]


def test_a_trained_arms_draws_say_arm_step_and_draw() -> None:
    assert list(draw_indices(2, 3, 4)) == [2_030_000, 2_030_001, 2_030_002, 2_030_003]


def test_no_two_draws_share_a_number_at_the_limits() -> None:
    ends = [
        (draws[0], draws[-1])
        for arm in (0, 1, 2)
        for step in range(arm > 0, MOST_STEPS + 1)
        for draws in [draw_indices(arm, step, MOST_DRAWS)]
    ]
    assert all(before[1] < after[0] for before, after in pairwise(ends))


@pytest.mark.parametrize(("step", "group"), [(MOST_STEPS + 1, 4), (1, MOST_DRAWS + 1), (1, 0)])
def test_beyond_the_limits_nothing_is_numbered(step: int, group: int) -> None:
    with pytest.raises(RequestError, match="cannot be numbered"):
        draw_indices(1, step, group)


def test_a_trained_arm_shares_the_base_arms_first_draws() -> None:
    with pytest.raises(ValueError, match="step 0"):
        draw_indices(1, 0, 4)
