"""Intervals: what is undefined, what is reproducible, and whether they cover."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pytest
from numpy.typing import ArrayLike

from tasks.statistics import Resampling, bootstrap_mean, bootstrap_median, pass_at_k
from tasks.statistics.arrays import Floats


class Estimator(Protocol):
    def __call__(self, values: ArrayLike, how: Resampling | None = None) -> Floats: ...


@pytest.mark.parametrize("estimator", [bootstrap_mean, bootstrap_median])
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

    def test_the_seed_fixes_it(self, estimator: Estimator) -> None:
        values = np.random.default_rng(0).random((12, 3))
        first, again, other = (estimator(values, Resampling(seed=seed)) for seed in (1, 1, 2))
        assert (first == again).all()
        assert not (first == other).all()


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
