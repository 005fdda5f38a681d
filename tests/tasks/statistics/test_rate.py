"""Intervals of rates: Jeffreys where values are 0 or 1, honest at the bounds, and covering."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from tasks.statistics import Resampling, bootstrap_mean, pass_at_k, rate_interval

MANY = Resampling(repetitions=40_000)


def noise(end: float, a: float, b: float) -> float:
    """Four standard errors of a 2.5 % quantile of MANY Beta(a, b) replicates."""
    return float(4 * np.sqrt(0.025 * 0.975 / MANY.repetitions) / beta.pdf(end, a, b))


@pytest.mark.parametrize(("successes", "n"), [(3, 10), (10, 20), (19, 20), (1, 6)])
def test_of_zeros_and_ones_it_is_jeffreys_interval(successes: int, n: int) -> None:
    values = np.r_[np.ones(successes), np.zeros(n - successes)][:, None]
    shape = successes + 0.5, n - successes + 0.5
    mean, *ends = rate_interval(values, MANY)[:, 0].tolist()
    assert mean == successes / n
    for end, expected in zip(ends, beta.ppf([0.025, 0.975], *shape), strict=True):
        assert end == pytest.approx(expected, abs=noise(expected, *shape))


@pytest.mark.parametrize("n", [2, 5, 20])
def test_where_all_agree_the_bound_is_an_end_and_the_other_is_jeffreys(n: int) -> None:
    reach = beta.ppf(0.025, n + 0.5, 0.5)
    close = noise(reach, n + 0.5, 0.5)
    ones, zeros = (rate_interval(np.full((n, 1), end), MANY)[:, 0] for end in (1.0, 0.0))
    assert ones == pytest.approx([1, reach, 1], abs=close)
    assert zeros == pytest.approx([0, 0, 1 - reach], abs=close)


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


@pytest.mark.parametrize(
    ("a", "b", "ks"),
    [
        (2.0, 2.0, [1, 2, 4, 8, 16, 32]),
        (1.0, 1.0, [1, 2, 4, 8, 16]),
        (0.5, 1.5, [1, 2, 4, 8, 16]),
        (4.0, 1.0, [1, 2, 4, 8]),
    ],
)
def test_a_nominal_95_percent_interval_covers_92_to_97(a: float, b: float, ks: list[int]) -> None:
    """500 studies of 20 problems × 64 samples, pass rates from a Beta(a, b) population.

    The truth is E[1 − (1 − p)^k] = 1 − Π (b + i)/(a + b + i), i < k.
    """
    rng = np.random.default_rng(29)
    truth = np.array([1 - np.prod([(b + i) / (a + b + i) for i in range(k)]) for k in ks])
    studies = 500
    passes = rng.binomial(64, rng.beta(a, b, (20, studies)))
    values = pass_at_k(64, passes[:, :, None], ks).reshape(20, -1)
    _, low, high = (one.reshape(studies, -1) for one in rate_interval(values))
    covered = ((low <= truth) & (truth <= high)).mean(axis=0)
    # One standard error of a coverage of 95 % over 500 studies is 0.0097: 0.97 needs room above.
    assert ((covered > 0.92) & (covered < 0.985)).all(), covered
