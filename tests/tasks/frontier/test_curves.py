"""What a budget buys, against the closed forms of single stages and against every choice."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from tasks.adapt.staged import staged_best, staged_success
from tasks.adapt.units import BASE_ARM
from tasks.frontier.costs import arm_costs
from tasks.frontier.curves import (
    budget_grid,
    paid,
    pooled_curve,
    pooled_gain,
    split_curve,
    staged_curve,
    staged_gain,
)
from tasks.frontier.stages import NO_DRAWS, Track
from tests.tasks.frontier.make import keys, run_of, speeds, stage

GROUP = 4


@pytest.fixture
def track() -> Track:
    rng = np.random.default_rng(4)
    tables = speeds(rng, np.array([[0.1, 0.4, 0.6]]), 3, GROUP)[0]
    numbers = np.arange(3 * GROUP).reshape(3, GROUP)
    stages = [stage(one, own) for one, own in zip(tables, numbers, strict=True)]
    return Track(tuple(stages), np.ones((3 * GROUP, 3)))


def test_a_budget_is_spent_stage_by_stage(track: Track) -> None:
    budgets = budget_grid(GROUP, 2)
    assert budgets.tolist() == list(range(1, 13))
    assert paid(track, GROUP, budgets)[[0, 3, 4, 9, 11]].tolist() == [
        [1, 0, 0],
        [4, 0, 0],
        [4, 1, 0],
        [4, 4, 2],
        [4, 4, 4],
    ]


def test_each_point_is_the_staged_closed_form(track: Track) -> None:
    budgets = budget_grid(GROUP, 2)
    hits = [int(one.fast.sum()) for one in track.stages]
    m = paid(track, GROUP, budgets)
    for i in range(len(budgets)):
        assert staged_curve(track, GROUP, budgets)[i] == pytest.approx(
            staged_success([GROUP] * 3, hits, m[i]), abs=1e-12
        )
        assert staged_gain(track, GROUP, budgets)[i] == pytest.approx(
            staged_best([one.gain for one in track.stages], m[i]), abs=1e-12
        )
    assert staged_curve(track, GROUP, budgets)[-1] == 1.0
    assert staged_gain(track, GROUP, budgets)[-1] == pytest.approx(
        max(one.gain.max() for one in track.stages)
    )


def test_some_steps_and_then_search_is_every_choice_of_what_was_learned_from(track: Track) -> None:
    """One of four draws a round is learned from, three are its tail."""
    fast = [one.fast for one in track.stages]
    found = split_curve(track, GROUP, 3)
    for s in range(3):
        ways = product(*[range(GROUP)] * s)
        hits = [fast[s].any() or any(fast[j][i] for j, i in enumerate(way)) for way in ways]
        assert found[s] == pytest.approx(np.mean(hits))
    ended = Track((*track.stages[:2], NO_DRAWS), track.judging)
    assert np.isnan(split_curve(ended, GROUP, 3)[2])


def test_best_of_n_is_over_every_subset_of_all_draws(track: Track) -> None:
    fast = np.concatenate([one.fast for one in track.stages])
    gain = np.concatenate([one.gain for one in track.stages])
    for k in (1, 3, 7):
        picks = list(combinations(range(12), k))
        budgets = np.array([k])
        assert pooled_curve(track, budgets)[0] == pytest.approx(
            np.mean([fast[list(one)].any() for one in picks])
        )
        assert pooled_gain(track, budgets)[0] == pytest.approx(
            np.mean([gain[list(one)].max() for one in picks])
        )


def test_an_arm_that_ended_keeps_what_it_found(track: Track) -> None:
    ended = Track((*track.stages[:2], NO_DRAWS), track.judging)
    budgets = budget_grid(GROUP, 2)
    curve = staged_curve(ended, GROUP, budgets)
    assert curve[:8].tolist() == staged_curve(track, GROUP, budgets)[:8].tolist()
    assert set(curve[8:].tolist()) == {curve[7]}
    assert set(staged_gain(ended, GROUP, budgets)[8:].tolist()) == {
        staged_gain(ended, GROUP, budgets)[7]
    }


def test_many_budgets_are_thinned_and_the_ends_of_stages_kept() -> None:
    budgets = budget_grid(32, 9)
    assert len(budgets) < 100
    assert set(budgets.tolist()) >= {1, *range(32, 321, 32)}
    assert len(budget_grid(64, 200)) < 250


def test_costs_are_expected_over_every_choice() -> None:
    """Texts a a b | b c c: judged once in the arm, whenever first drawn; a step is paid for by the
    first draw behind it."""
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    prices = np.array([[1.0, 1.0, 0.0], [1.0, 10.0, 0.5], [1.0, 100.0, 0.0]])
    slow = np.full(3, 0.5)
    track = Track((stage(slow, first), stage(slow, second)), prices)
    run = run_of(np.full((1, 2, 3), 0.5), {"a": np.full((1, 1, 3), 0.5)}, trained_tokens=30)
    run.arms["a"][keys(1)[0]] = track  # type: ignore[index]
    budgets = budget_grid(3, 1)
    found = arm_costs(run, "a", keys(1), budgets)
    for i, budget in enumerate(budgets):
        m = (min(budget, 3), max(0, budget - 3))
        picks = [
            {*first[list(one)], *second[list(other)]}
            for one in combinations(range(3), m[0])
            for other in combinations(range(3), m[1])
        ]
        judging = np.mean([prices[list(one)].sum(axis=0) for one in picks], axis=0)
        assert found["evaluations"][i] == pytest.approx(judging[0])
        assert found["judge_seconds"][i] == pytest.approx(judging[1])
        assert found["gpu_seconds"][i] == pytest.approx(judging[2])
    assert found["rollouts"].tolist() == list(range(1, 7))
    assert found["completion_tokens"].tolist() == [10, 20, 30, 40, 50, 60]
    assert found["trained_tokens"].tolist() == [0, 0, 0, 30, 30, 30]
    seconds = 0.1 * budgets + found["judge_seconds"] + [0, 0, 0, 1, 1, 1]
    assert found["seconds"] == pytest.approx(seconds)


def test_best_of_n_pays_for_any_draws_alike() -> None:
    run = run_of(np.full((2, 2, 3), 0.5), {})
    found = arm_costs(run, BASE_ARM, keys(2), budget_grid(3, 1))
    assert found["rollouts"] == pytest.approx(2 * np.arange(1, 7))
    assert found["judge_seconds"] == pytest.approx(2 * np.arange(1, 7))
    assert found["prompt_tokens"] == pytest.approx(10 * np.arange(1, 7))
    assert not found["trained_tokens"].any()
