"""The problems that are promised to settle a gap do so in about four studies of five."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import paired_difference, problems_needed
from tasks.statistics.sum_law import coins
from tests.tasks.statistics.test_paired_difference import studies


@pytest.mark.parametrize(("shape", "rho"), [((2, 2), 0.3), ((1, 9), 0.5)])
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
        paired_difference(a, b, coins(b)).p < 0.05 for a, b in zip(*drawn(300, needed), strict=True)
    ]
    assert 0.72 <= np.mean(tests) <= 0.88


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
