"""The evaluator has to stand still: it is caught where it drifts, and hardly ever where not."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.adapt.anchors import AnchorShift
from tasks.frontier.guards import (
    LEVEL,
    Homogeneity,
    anchor_guard,
    homogeneity_p,
    stage_guard,
    stages_agree,
)
from tests.tasks.frontier.make import run_of, speeds

RATES = np.array([0.1, 0.3, 0.5, 0.7, 0.9, 0.4])


def test_stages_of_one_model_agree_as_often_as_said() -> None:
    """200 studies: p is uniform or, since outcomes are few, a little larger."""
    rng = np.random.default_rng(1)
    found = [
        homogeneity_p([list((rng.random((4, 8)) < one).astype(float)) for one in RATES], seed)
        for seed in range(200)
    ]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 200)
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_the_permutation_test_is_the_exact_one() -> None:
    """Two stages of two: 1, 1 | 0, 0 has one of three ways to be so uneven, twice."""
    p = homogeneity_p([[np.array([1.0, 1.0]), np.array([0.0, 0.0])]])
    assert p == pytest.approx(1 / 3, abs=0.03)
    even = homogeneity_p([[np.array([1.0, 0.0]), np.array([0.0, 1.0])]])
    assert even == 1.0


def test_what_cannot_differ_says_nothing() -> None:
    assert np.isnan(homogeneity_p([]))
    assert np.isnan(homogeneity_p([[np.ones(4), np.ones(4)]]))
    assert np.isnan(homogeneity_p([[np.array([1.0, 0.0]), np.zeros(0)]]))
    assert stage_guard([Homogeneity(float("nan"), float("nan"))]).passed is None
    assert stage_guard([Homogeneity(0.5, float("nan"))]).passed is True


def test_an_evaluator_that_slows_down_is_caught_by_speeds_alone() -> None:
    rng = np.random.default_rng(2)
    still = rng.uniform(0.4, 0.8, (6, 4, 8))
    drifting = still * np.array([1.0, 0.98, 0.9, 0.85])[None, :, None]
    assert stages_agree(run_of(still, {})).p > LEVEL
    found = stages_agree(run_of(drifting, {}))
    assert np.isnan(found.p_success)
    assert found.p < LEVEL
    said = stage_guard([found])
    assert said.passed is False
    assert said.detail.startswith("stages of the base arm differ")


def test_an_evaluator_that_grows_generous_is_caught() -> None:
    rng = np.random.default_rng(3)
    rates = RATES[:, None] * np.array([0.3, 0.6, 1.0, 1.0])
    assert stages_agree(run_of(speeds(rng, rates, 4, 16), {})).p < LEVEL


def test_one_run_that_drifts_among_several_is_caught() -> None:
    assert stage_guard([Homogeneity(0.5, 0.5), Homogeneity(0.0004, 0.9)]).passed is False
    assert stage_guard([Homogeneity(0.5, 0.5), Homogeneity(0.006, 0.9)]).passed is True


def shift(
    turn: int, moved: float | None, half: float | None = 0.02, status: str = "correct"
) -> AnchorShift:
    return AnchorShift(turn, ("s", 1, 1), 0, status, moved, half, half)


def test_anchors_may_move_within_their_intervals() -> None:
    assert anchor_guard([]).passed is None
    assert anchor_guard([]).detail == "no anchors"
    still = [shift(turn, moved) for turn in (1, 2, 3) for moved in (0.01, -0.015, 0.005)]
    assert anchor_guard(still).passed is True


def test_anchors_that_move_together_are_caught_though_each_is_within_its_own() -> None:
    together = [shift(turn, 0.0 if turn < 3 else 0.027) for turn in (1, 2, 3) for _ in range(9)]
    assert anchor_guard(together[-1:]).passed is True
    found = anchor_guard(together)
    assert found.passed is False
    assert found.detail == "anchors moved by more than their intervals (+2.7 % in round 3)"


def test_an_anchor_that_is_no_longer_correct_is_a_drift() -> None:
    found = anchor_guard([shift(1, 0.0), shift(2, None, None, "incorrect")])
    assert found.passed is False
    assert "an anchor that was correct is incorrect in round 2" in found.detail


def test_anchors_without_intervals_cannot_be_checked() -> None:
    found = anchor_guard([shift(1, 0.3, None)])
    assert found.passed is None
    assert "no intervals" in found.detail


def test_anchors_that_would_have_shown_nothing_check_nothing() -> None:
    found = anchor_guard([shift(1, 0.16, 1.8), shift(1, 0.28, 0.8)])
    assert found.passed is None
    assert found.detail.startswith(
        "anchors were measured too coarsely (+24.6 % in round 1, and only"
    )
    assert anchor_guard([shift(1, 0.16, 0.13)]).passed is True
    assert anchor_guard([shift(1, 5.0, 0.8)]).passed is False


def test_anchors_of_an_evaluator_that_stands_still_rarely_stop_a_study() -> None:
    rng = np.random.default_rng(5)
    sd = 0.02 / 1.96
    stopped = 0
    for _ in range(1000):
        first = rng.normal(0, sd, 6)
        shifts = [
            shift(turn, float(moved))
            for turn in range(1, 5)
            for moved in rng.normal(0, sd, 6) - first
        ]
        stopped += anchor_guard(shifts).passed is False
    assert stopped <= 1000 * LEVEL + 3 * np.sqrt(1000 * LEVEL)
