"""ρ within problems: what it is, what it is not, and how often its interval is right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from tasks.probe.association import (
    NOTHING,
    least_likely_quarter,
    partial_over_problems,
    pooled_by_fisher,
    spearman,
)
from tasks.statistics.arrays import Floats


def correlated(
    rng: np.random.Generator, n: int, rho: float, level: float = 0.0
) -> tuple[Floats, Floats]:
    x = rng.normal(size=n)
    return x + level, rho * x + math.sqrt(1 - rho * rho) * rng.normal(size=n) + 3 * level


def test_spearman_is_scipys() -> None:
    x, y = correlated(np.random.default_rng(1), 30, 0.5)
    x[:5] = x[0]
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert math.isnan(spearman(np.ones(9), y[:9]))
    assert math.isnan(spearman(x[:1], y[:1]))


def test_problems_of_unlike_difficulty_make_no_correlation() -> None:
    rng = np.random.default_rng(2)
    problems = [correlated(rng, 40, 0.0, level) for level in range(8)]
    x, y = (np.concatenate(one) for one in zip(*problems, strict=True))
    assert spearman(x, y) > 0.8
    found = pooled_by_fisher(problems)
    assert abs(found.rho) < 0.15
    assert found.low < 0 < found.high
    assert (found.problems, found.draws) == (8, 320)


def test_what_says_nothing_is_left_out() -> None:
    rng = np.random.default_rng(3)
    good = [correlated(rng, 10, 0.9) for _ in range(2)]
    few, flat = correlated(rng, 3, 0.9), (np.ones(9), np.arange(9.0))
    broken = (np.r_[good[0][0], np.nan, 1.0], np.r_[good[0][1], 1.0, np.inf])
    assert pooled_by_fisher([*good, few, flat]) == pooled_by_fisher(good)
    assert pooled_by_fisher([broken, good[1]]) == pooled_by_fisher(good)
    assert pooled_by_fisher([few, flat]) == NOTHING
    alone = pooled_by_fisher(good[:1])
    assert alone.rho == pytest.approx(spearman(*good[0]))
    assert math.isnan(alone.low)


def test_a_perfect_order_of_four_is_no_certainty() -> None:
    order = np.arange(4.0)
    found = pooled_by_fisher([(order, order), (order, order)])
    assert found.rho == pytest.approx(0.9)
    assert found.low < 0


def test_the_interval_covers() -> None:
    """20 problems of 12 draws, whose ρ differ. z of 12 draws is nearly unbiased, and so is its
    mean."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(400):
        z = rng.normal(0.3, 0.3, size=20)
        problems = [correlated(rng, 12, 2 * math.sin(math.pi / 6 * math.tanh(one))) for one in z]
        found = pooled_by_fisher(problems)
        hits += found.low <= math.tanh(0.3) <= found.high
    assert 0.92 <= hits / 400 <= 0.99


def test_length_is_taken_out() -> None:
    rng = np.random.default_rng(5)
    problems = []
    for _ in range(10):
        length = rng.uniform(20, 200, size=30)
        surprise, speed = (np.log(length) + 0.3 * rng.normal(size=30) for _ in range(2))
        problems.append((surprise, speed, length))
    assert pooled_by_fisher([(x, y) for x, y, _ in problems]).low > 0.5
    partial = partial_over_problems(problems)
    assert partial.low < 0 < partial.high
    assert partial.high - partial.low < 0.6
    assert (partial.problems, partial.draws) == (10, 300)
    assert math.isnan(partial_over_problems(problems[:2]).low)
    assert partial_over_problems([]) == NOTHING


def test_the_least_likely_quarter() -> None:
    surprise = np.array([1.0, 5.0, 3.0, 5.0, 0.0])
    assert least_likely_quarter(surprise).tolist() == [False, True, False, True, False]
    assert least_likely_quarter(np.zeros(0)).tolist() == []
