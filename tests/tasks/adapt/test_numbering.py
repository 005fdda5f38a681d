"""Draws of all arms have numbers of their own."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tasks.adapt.numbering import (
    MOST_ARMS,
    MOST_DRAWS,
    MOST_STEPS,
    PURPOSES,
    anchor_number,
    draw_indices,
    purpose_of,
)
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
        for purpose in PURPOSES
        for arm in (0, 1, 2, MOST_ARMS)
        for step in range(arm > 0, MOST_STEPS + 1)
        for draws in [draw_indices(arm, step, MOST_DRAWS, purpose)]
    ]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    assert ends[-1][1] < anchor_number(1, 0)


def test_a_number_says_what_the_draw_is_for() -> None:
    for purpose in PURPOSES:
        for arm, step in ((0, 0), (0, MOST_STEPS), (1, 1), (MOST_ARMS, MOST_STEPS)):
            for draw in draw_indices(arm, step, MOST_DRAWS, purpose)[:: MOST_DRAWS - 1]:
                assert purpose_of(draw) == purpose
    assert draw_indices(2, 3, 4, "tail")[0] == 1_002_030_000
    assert draw_indices(0, 3, 4, "confirm")[0] == 2_000_030_000
    for other in (-1, anchor_number(1, 0)):
        with pytest.raises(ValueError, match="no number of a draw"):
            purpose_of(other)


@pytest.mark.parametrize(("step", "group"), [(MOST_STEPS + 1, 4), (1, MOST_DRAWS + 1), (1, 0)])
def test_beyond_the_limits_nothing_is_numbered(step: int, group: int) -> None:
    with pytest.raises(RequestError, match="cannot be numbered"):
        draw_indices(1, step, group)


def test_there_may_be_999_arms() -> None:
    with pytest.raises(RequestError, match="1000 trained arms"):
        draw_indices(MOST_ARMS + 1, 1, 4)


def test_a_trained_arm_shares_the_base_arms_first_draws() -> None:
    with pytest.raises(ValueError, match="step 0"):
        draw_indices(1, 0, 4)
