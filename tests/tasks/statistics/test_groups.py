"""Problems by the ten thousand: intervals in groups are those of problems one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, norm

from tasks.statistics import bootstrap_mean, rate_interval
from tasks.statistics.groups import MOST, grouped


def test_groups_hold_every_problem_once() -> None:
    values = np.random.default_rng(0).random((3 * MOST + 17, 2))
    values[5, 1] = np.nan
    sums, counts = grouped(values, ~np.isnan(values), 0)
    assert sums.shape == counts.shape == (MOST, 2)
    assert sums.sum(axis=0) == pytest.approx(np.nansum(values, axis=0))
    assert counts.sum(axis=0).tolist() == [3 * MOST + 17, 3 * MOST + 16]
    few = values[:MOST]
    assert grouped(few, ~np.isnan(few), 0)[0].shape == (MOST, 2)


def test_intervals_are_as_wide_as_theory_has_them() -> None:
    n = 30_000
    values = np.random.default_rng(1).gamma(0.3, size=(n, 2))
    values[: n // 2, 1] = np.nan
    for column, size in ((0, n), (1, n - n // 2)):
        given = values[:, [column]]
        mean, low, high = bootstrap_mean(given)[:, 0]
        error = np.nanstd(given, ddof=1) / np.sqrt(size)
        assert mean == pytest.approx(np.nanmean(given))
        assert high - low == pytest.approx(2 * norm.ppf(0.975) * error, rel=0.08)
        assert high - mean > mean - low  # skewed to the right


@pytest.mark.parametrize("ones", [3, 300, 15_000, 29_990])
def test_rates_of_zeros_and_ones_are_jeffreys(ones: int) -> None:
    n = 30_000
    values = (np.arange(n) < ones).astype(float)[:, None]
    _, low, high = rate_interval(values)[:, 0]
    expected = beta.ppf([0.025, 0.975], ones + 0.5, n - ones + 0.5)
    if 300 <= ones <= 29_000:
        assert [low, high] == pytest.approx(expected, abs=0.1 * (expected[1] - expected[0]))
    else:  # at an edge: mid-P's, of the same size
        assert expected[0] * 0.3 < low < ones / n < high < 1
        assert high - low == pytest.approx(expected[1] - expected[0], rel=0.5)
