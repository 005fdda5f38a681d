"""Intervals: what is undefined, what is reproducible, and whether they cover."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pytest
from numpy.typing import ArrayLike

from tasks.statistics import (
    DIFFERENCE,
    Resampling,
    bootstrap_mean,
    median_interval,
    pass_at_k,
)
from tasks.statistics.arrays import Floats


class Estimator(Protocol):
    def __call__(self, values: ArrayLike) -> Floats: ...


@pytest.mark.parametrize("estimator", [bootstrap_mean, median_interval])
class TestBoth:
    def test_missing_problems_leave_their_column_only(self, estimator: Estimator) -> None:
        values = np.array([[1.0, 1.0], [2.0, np.nan], [6.0, 3.0]])
        mean, low, high = estimator(values)
        centre = [3.0, 2.0] if estimator is bootstrap_mean else [2.0, 2.0]
        assert mean.tolist() == centre
        assert (low <= mean).all()
        assert (mean <= high).all()
        assert (low < high).all()

    def test_one_problem_has_no_interval(self, estimator: Estimator) -> None:
        result = estimator([[0.25]])
        assert result[0].tolist() == [0.25]
        assert np.isnan(result[1:]).all()

    def test_nothing_defined_is_nan(self, estimator: Estimator) -> None:
        assert np.isnan(estimator([[np.nan], [np.nan]])).all()
        assert np.isnan(estimator(np.empty((0, 2)))).all()

    def test_problems_that_all_agree_leave_no_doubt(self, estimator: Estimator) -> None:
        for value in (0.1, 1 / 3, 1.0):
            assert estimator(np.full((7, 1), value))[:, 0] == pytest.approx([value] * 3)
            mean, low, high = estimator(np.full((7, 1), value))
            assert low <= mean <= high


def test_the_seed_fixes_it() -> None:
    values = np.random.default_rng(0).random((12, 3))
    first, again, other = (bootstrap_mean(values, Resampling(seed=seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()


def test_columns_are_alone_with_their_numbers() -> None:
    values = np.random.default_rng(1).random((9, 7))
    values[2, 3] = np.nan
    together = bootstrap_mean(values, bounds=DIFFERENCE)
    for i in range(values.shape[1]):
        alone = bootstrap_mean(values[:, [i]], bounds=DIFFERENCE)
        np.testing.assert_allclose(together[:, [i]], alone)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_differences_that_all_agree_leave_the_unseen_problem(n: int) -> None:
    """Clopper and Pearson with no failure among n, whose lower end is (α/2)^(1/n)."""
    seen = 0.025 ** (1 / n)
    level = bootstrap_mean(np.zeros((n, 1)), bounds=DIFFERENCE)[:, 0]
    assert level == pytest.approx([0, seen - 1, 1 - seen])
    # Without bounds nothing is said of what was not seen.
    assert bootstrap_mean(np.zeros((n, 1)))[:, 0].tolist() == [0, 0, 0]


def test_the_median_lies_between_order_statistics() -> None:
    # For n = 6 the range covers 1 − 2·½⁶ = 96.9 %, so the 95 % interval ends just inside it.
    values = np.arange(6.0)[:, None]
    middle, low, high = median_interval(values)[:, 0]
    assert (middle, low + high) == (2.5, pytest.approx(5.0))
    assert 0 < low < 0.5
    # Published tables: n = 20 has 95.9 % between the 6th and the 15th, 88.5 % one further in.
    _, low, high = median_interval(np.arange(1.0, 21)[:, None])[:, 0]
    assert 6 < low < 6.3
    assert 14.7 < high < 15


def test_the_mean_is_within_its_own_exact_interval() -> None:
    # With two problems a resample is one of (a, a), (a, b), (b, b): the interval spans both.
    _, low, high = bootstrap_mean([[0.0], [1.0]])
    assert (low[0], high[0]) == (0.0, 1.0)


@pytest.mark.parametrize(("a", "b", "ks"), [(2.0, 2.0, [1, 2, 4]), (0.5, 1.5, [1, 2, 4, 8, 16])])
def test_a_nominal_95_percent_interval_covers_92_to_97(a: float, b: float, ks: list[int]) -> None:
    """500 studies of 20 problems × 64 samples, pass rates from a Beta(a, b) population.

    The truth is E[1 − (1 − p)^k] = 1 − Π (b + i)/(a + b + i), i < k.
    """
    rng = np.random.default_rng(7)
    truth = np.array([1 - np.prod([(b + i) / (a + b + i) for i in range(k)]) for k in ks])
    studies = 500
    passes = rng.binomial(64, rng.beta(a, b, (20, studies)))
    values = pass_at_k(64, passes[:, :, None], ks).reshape(20, -1)
    _, low, high = bootstrap_mean(values)
    inside = (low.reshape(studies, -1) <= truth) & (truth <= high.reshape(studies, -1))
    covered = inside.mean(axis=0)
    # Four standard errors of a coverage of 95 % over 500 studies are 0.039.
    assert ((covered > 0.92) & (covered < 0.975)).all(), covered
