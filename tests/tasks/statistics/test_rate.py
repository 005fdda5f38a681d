"""Intervals of rates: known ones where values are 0 or 1, honest at the bounds, and covering."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import beta, binom

from tasks.statistics import Resampling, bootstrap_mean, pass_at_k, rate_interval

MANY = Resampling(repetitions=40_000)


def low_end(s: int, n: int) -> float:
    """Of s ones among n: Jeffreys' at 2.5 %, but mid-P's at 5 % below 1 − e, and at most e."""
    edge = 0.05 ** (1 / n)
    if not s:
        return 0.0
    jeffreys = float(beta.ppf(0.025, s + 0.5, n - s + 0.5))
    if jeffreys >= 1 - edge:
        return min(jeffreys, edge)

    def too_many(rate: float) -> float:
        return float(binom.sf(s, n, rate) + binom.pmf(s, n, rate) / 2 - 0.05)

    mid_p = brentq(too_many, 1e-9, 1 - 1e-9) if too_many(1 - 1e-9) > 0 else 1.0
    return min(float(mid_p), 1 - edge, edge)


def zeros_and_ones(n: int) -> NDArray[np.float64]:
    """Every number of ones among n, as columns; shape (n, n + 1)."""
    return (np.arange(n)[:, None] < np.arange(n + 1)).astype(np.float64)


@pytest.mark.parametrize("n", [2, 3, 6, 10, 20])
def test_of_zeros_and_ones_it_is_jeffreys_and_mid_p_at_the_edges(n: int) -> None:
    mean, low, high = rate_interval(zeros_and_ones(n), Resampling(repetitions=200_000))
    np.testing.assert_allclose(mean, np.arange(n + 1) / n)
    expected = [low_end(s, n) for s in range(n + 1)]
    # Five standard errors of a quantile of so many replicates, at most.
    np.testing.assert_allclose(low, expected, atol=0.003)
    np.testing.assert_allclose(high, 1 - np.array(expected[::-1]), atol=0.003)


def test_the_two_kinds_of_end_differ_by_more_than_that_tolerance() -> None:
    for s in (16, 17, 18):
        jeffreys = 1 - beta.ppf(0.975, s + 0.5, 20 - s + 0.5)
        assert low_end(20 - s, 20) - jeffreys > 0.003
    assert low_end(20, 20) < beta.ppf(0.025, 20.5, 0.5) - 0.02


@pytest.mark.parametrize("n", [2, 5, 20, 250])
def test_where_all_agree_the_rest_is_the_rule_of_three(n: int) -> None:
    ones, zeros = (rate_interval(np.full((n, 1), end))[:, 0] for end in (1.0, 0.0))
    assert ones == pytest.approx([1, 0.05 ** (1 / n), 1], abs=1e-12)
    assert zeros == pytest.approx([0, 0, 1 - 0.05 ** (1 / n)], abs=1e-12)


def test_no_data_are_too_good_for_a_rate_at_which_all_may_pass() -> None:
    values = 1 - np.random.default_rng(2).beta(0.2, 8, (20, 300)) * np.linspace(0, 1, 300)
    _, low, high = rate_interval(values)
    assert low.max() <= 0.05 ** (1 / 20)
    assert high.min() > low.max()
    _, low, _ = rate_interval(values, Resampling(level=0.8))
    assert 0.05 ** (1 / 20) < low.max() <= 0.2 ** (1 / 20)


def test_with_an_odd_number_of_replicates_and_with_few_it_stays_in_order() -> None:
    values = np.random.default_rng(6).random((7, 5)) ** 0.1
    for repetitions in (2, 3, 101):
        mean, low, high = rate_interval(values, Resampling(repetitions=repetitions))
        assert (low <= mean).all()
        assert (mean <= high).all()


def test_it_does_not_jump_where_agreement_ends() -> None:
    values = np.ones((20, 3))
    values[0] = [1.0, 0.999, 0.98]
    _, low, high = rate_interval(values)
    assert np.ptp(low) < 0.005
    assert (high > values.mean(axis=0)).all() or high[0] == 1
    # A resample of the problems at hand cannot see below them.
    assert bootstrap_mean(values)[1, 1] > 0.99 > low[1]


def test_a_rate_and_its_complement_mirror_each_other() -> None:
    values = np.random.default_rng(5).beta(0.4, 0.6, (15, 4))
    mean, low, high = rate_interval(values, MANY)
    other_mean, other_low, other_high = rate_interval(1 - values, MANY)
    np.testing.assert_allclose(other_mean, 1 - mean)
    np.testing.assert_allclose(other_low, 1 - high, atol=0.004)
    np.testing.assert_allclose(other_high, 1 - low, atol=0.004)


def test_missing_problems_leave_their_column_only() -> None:
    values = np.random.default_rng(1).random((9, 5))
    values[2, 3] = np.nan
    together = rate_interval(values)
    for i in range(values.shape[1]):
        np.testing.assert_allclose(together[:, [i]], rate_interval(values[:, [i]]))
    assert together[0, 3] == pytest.approx(np.nanmean(values[:, 3]))
    assert (together[1] <= together[0]).all()
    assert (together[0] <= together[2]).all()


def test_the_undefined() -> None:
    one = rate_interval([[0.25]])[:, 0]
    assert one[0] == 0.25
    assert np.isnan(one[1:]).all()
    assert np.isnan(rate_interval([[np.nan], [np.nan]])).all()
    assert np.isnan(rate_interval(np.empty((0, 2)))).all()


def test_the_seed_fixes_it() -> None:
    values = np.random.default_rng(0).random((12, 3))
    first, again, other = (rate_interval(values, Resampling(seed=seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()


@pytest.mark.parametrize("n", [5, 10, 20, 60])
def test_a_proportion_is_covered_about_as_often_as_claimed(n: int) -> None:
    """Exactly, over all outcomes: 95 % on average, and no rate much less often."""
    _, low, high = rate_interval(zeros_and_ones(n), MANY)
    rates = np.linspace(0.002, 0.998, 997)
    chances = binom.pmf(np.arange(n + 1)[:, None], n, rates)
    covered = (chances * ((low[:, None] <= rates) & (rates <= high[:, None]))).sum(axis=0)
    assert 0.945 < covered.mean() < 0.97
    assert covered.min() > 0.88


def covered_by(passes: NDArray[np.int64], ks: list[int], truth: NDArray[np.float64]) -> list[float]:
    """Share of studies that hold the truth, by k; passes of 64, shape (problems, studies)."""
    values = pass_at_k(64, passes[:, :, None], ks).reshape(len(passes), -1)
    _, low, high = (one.reshape(-1, len(ks)) for one in rate_interval(values))
    return [float(one) for one in ((low <= truth) & (truth <= high)).mean(axis=0)]


@pytest.mark.parametrize(
    ("a", "b", "ks"),
    [
        (2.0, 2.0, [1, 2, 4, 8, 16, 32]),
        (1.0, 1.0, [1, 2, 4, 8, 16, 32, 64]),
        (0.5, 1.5, [1, 2, 4, 8, 16, 32, 64]),
        (1.0, 4.0, [1, 2, 4, 8, 16, 32]),
        (4.0, 1.0, [1, 2, 4, 8]),
    ],
)
def test_a_nominal_95_percent_interval_covers_92_to_97(a: float, b: float, ks: list[int]) -> None:
    """2000 studies of 20 problems × 64 samples, pass rates from a Beta(a, b) population.

    The truth is E[1 − (1 − p)^k] = 1 − Π (b + i)/(a + b + i), i < k.
    """
    rng = np.random.default_rng(29)
    truth = np.array([1 - np.prod([(b + i) / (a + b + i) for i in range(k)]) for k in ks])
    covered = np.array(covered_by(rng.binomial(64, rng.beta(a, b, (20, 2000))), ks, truth))
    # One standard error of a coverage over 2000 studies is up to 0.006.
    assert ((covered > 0.92) & (covered < 0.978)).all(), covered


def test_it_covers_where_problems_are_of_two_kinds() -> None:
    """At k = n a mean is a proportion of 20, where Jeffreys' interval alone covers 90 to 93 %."""
    rng = np.random.default_rng(31)
    ks = [1, 8, 64]
    truth = 1 - (0.98 ** np.array(ks) + 0.4 ** np.array(ks)) / 2
    passes = rng.binomial(64, np.where(rng.random((20, 2000)) < 0.5, 0.02, 0.6))
    covered = np.array(covered_by(passes, ks, truth))
    assert ((covered > 0.94) & (covered < 0.97)).all(), covered
