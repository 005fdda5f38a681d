"""The interval of a rank correlation within problems."""

from __future__ import annotations

import numpy as np

from tasks.statistics.clustered import rank_correlation_interval


def test_copies_of_a_problem_leave_something_open() -> None:
    """The jackknife alone finds no difference between them, and an interval of no width."""
    x, y = np.arange(6.0), np.array([2.0, 1, 3, 5, 4, 6])
    low, high = rank_correlation_interval([(x, y)] * 5)
    assert low < 0.886 < high
    assert high - low > 0.1
    more = rank_correlation_interval([(x, y)] * 20)
    assert low < more[0] < more[1] < high


def test_perfect_ranks_of_few_draws_are_no_certainty() -> None:
    up = np.arange(4.0)
    low, high = rank_correlation_interval([(up, -up)] * 6)
    assert low == -1.0
    assert -0.95 < high < 0
    # One swap in one of six: no wider than where all ranks agree by much.
    swapped = np.array([0.0, 2, 1, 3])
    low, high = rank_correlation_interval([(up, swapped), *[(up, up)] * 5])
    assert 0.5 < low < 0.97 < high <= 1


def test_noise_is_covered() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        problems = [(rng.normal(size=12), rng.normal(size=12)) for _ in range(8)]
        low, high = rank_correlation_interval(problems)
        held += low <= 0 <= high
    assert held >= 280
