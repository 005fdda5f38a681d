from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tasks.statistics import best_at_k


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0, 2.0], [3.0, 1.0, 3.0, 0.5, 0.0], [0.0] * 4])
def test_it_is_the_mean_over_all_subsets(values: list[float]) -> None:
    n = len(values)
    expected = [np.mean([max(s) for s in combinations(values, k)]) for k in range(1, n + 1)]
    np.testing.assert_allclose(best_at_k(values, range(1, n + 1)), expected, atol=1e-12)


def test_the_ends_are_the_mean_and_the_maximum() -> None:
    values = np.random.default_rng(0).lognormal(size=1000)
    ends = best_at_k(values, [1, 1000])
    np.testing.assert_allclose(ends, [values.mean(), values.max()], rtol=1e-9)


def test_what_is_undefined_is_nan() -> None:
    assert np.isnan(best_at_k([1.0, 2.0], [3])).all()
    assert np.isnan(best_at_k([1.0, np.nan], [1])).all()


def test_infinity_stays_infinite() -> None:
    assert best_at_k([1.0, np.inf], [2]).tolist() == [np.inf]
