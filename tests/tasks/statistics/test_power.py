"""The problems that are promised to settle a gap do so in about four studies of five."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import (
    PairedDifference,
    needed_at_least,
    paired_difference,
    problems_needed,
)
from tasks.statistics.sum_law import coins
from tests.tasks.statistics.test_paired_difference import studies


@pytest.mark.parametrize(("shape", "rho"), [((2, 2), 0.3), ((1, 9), 0.3)])
def test_it_is_the_power_of_the_printed_test(shape: tuple[float, float], rho: float) -> None:
    rng = np.random.default_rng(8)

    def drawn(count: int, problems: int) -> tuple[np.ndarray, np.ndarray]:
        shares = np.clip(rng.beta(*shape, (count, problems)), 1e-9, 1 - 1e-9)
        return studies(shares, rho, rng)

    picked, chance = drawn(1, 20_000)
    variance = (chance * (1 - chance))[0]
    skew = variance * (1 - 2 * chance[0])
    needed = problems_needed((picked - chance)[0], variance, skew)
    assert needed is not None
    tests = [
        paired_difference(a, b, coins(b)).p < 0.05
        for a, b in zip(*drawn(1000, needed), strict=True)
    ]
    # 80 % and two and a half standard errors of 1,000 studies.
    assert abs(np.mean(tests) - 0.8) <= 2.5 * np.sqrt(0.8 * 0.2 / 1000)


def test_without_a_gap_no_number_would_do() -> None:
    assert problems_needed([0.0, 0.0], [0.1, 0.1]) is None
    assert problems_needed([0.3], [0.1]) is None
    assert problems_needed([1e-4, -1e-4 + 1e-12] * 50, [0.25] * 100) is None


def test_a_stricter_level_asks_for_more() -> None:
    change = np.tile([0.6, -0.4], 10) + 0.05
    variance = np.full(20, 0.25)
    once = problems_needed(change, variance)
    of_five = problems_needed(change, variance, level=0.02)
    assert once is not None
    assert of_five is not None
    assert once < of_five


@pytest.mark.parametrize(
    ("mean", "low", "high", "least"),
    [(0.1, -0.05, 0.25, 14), (-0.1, -0.25, 0.05, 14), (0.1, -0.05, 0.9, 6), (0.1, 0.1, 0.1, 84)],
)
def test_a_larger_gap_asks_for_fewer_by_its_square(
    mean: float, low: float, high: float, least: int
) -> None:
    seen = PairedDifference(mean, low, high, 0.3, 0.15, 0.85, 12, 10)
    assert needed_at_least(84, seen) == least
    assert needed_at_least(None, seen) is None


def test_without_an_interval_nothing_bounds_the_number() -> None:
    nan = float("nan")
    assert needed_at_least(84, PairedDifference(0.1, nan, nan, nan, nan, nan, 1, 1)) is None
