from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from tasks import statistics
from tasks.statistics import pass_at_k
from tasks.statistics.arrays import Floats


def found_within(scores: ArrayLike, hits: ArrayLike, evaluations: ArrayLike) -> Floats:
    """Of one problem."""
    return statistics.found_within([scores], [hits], evaluations)[0]


def spent_within(scores: ArrayLike, costs: ArrayLike, evaluations: ArrayLike) -> Floats:
    """Of one problem."""
    return statistics.spent_within([scores], [costs], evaluations)[0]


@pytest.mark.parametrize(
    ("scores", "hits"),
    [
        ([3, 2, 1, 0, -1], [False, False, True, False, True]),
        ([1, 1, 1, 0, 0], [False, True, False, False, True]),
        ([0, 0, 0, 0, 0], [True, False, False, True, False]),
        ([2, 2, 1, 1, 0], [False, False, False, False, False]),
    ],
)
def test_it_is_the_share_of_orders(scores: list[float], hits: list[bool]) -> None:
    orders = [sorted(o, key=lambda i: -scores[i]) for o in permutations(range(5))]
    for e in range(1, 6):
        expected = np.mean([any(hits[i] for i in order[:e]) for order in orders])
        assert found_within(scores, hits, [e])[0] == pytest.approx(expected)


def test_without_scores_it_is_pass_at_k() -> None:
    hits = np.arange(30) < 4
    np.testing.assert_allclose(
        found_within(np.zeros(30), hits, [1, 5, 30]), pass_at_k(30, 4, [1, 5, 30])
    )


def test_the_ends() -> None:
    assert found_within([1.0, 0.0], [False, True], [5]).tolist() == [1.0]
    assert np.isnan(found_within([], [], [1])).all()
    with pytest.raises(ValueError, match="NaN"):
        found_within([np.nan], [True], [1])


@pytest.mark.parametrize("scores", [[3, 2, 1, 0, -1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
def test_what_it_costs_is_the_mean_over_orders(scores: list[float]) -> None:
    costs = [1.0, 2.0, 4.0, 8.0, 16.0]
    orders = [sorted(o, key=lambda i: -scores[i]) for o in permutations(range(5))]
    for e in range(1, 7):
        expected = np.mean([sum(costs[i] for i in order[:e]) for order in orders])
        assert spent_within(scores, costs, [e])[0] == pytest.approx(expected)


def test_an_unknown_cost_is_unknown_from_there_on() -> None:
    found = spent_within([3.0, 2.0, 1.0], [1.0, np.nan, 1.0], [1, 2, 3])
    np.testing.assert_array_equal(found, [1.0, np.nan, np.nan])
    assert np.isnan(spent_within([], [], [1])).all()
    with pytest.raises(ValueError, match="NaN"):
        spent_within([np.nan], [1.0], [1])


def test_infinite_scores_order_as_well() -> None:
    assert spent_within([np.inf, -np.inf, 0.0], [1.0, 2.0, 4.0], [1, 2, 3]).tolist() == [1, 5, 7]
    assert found_within([np.inf, -np.inf, 0.0], [False, False, True], [1, 2]).tolist() == [0, 1]


def test_problems_side_by_side_are_those_of_each_by_itself() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (6, 9)).astype(float)
    hits, costs, es = rng.random((6, 9)) < 0.3, rng.random((6, 9)), [1, 2, 5, 9, 12]
    found = statistics.found_within(scores, hits, es)
    spent = statistics.spent_within(scores, costs, es)
    for i in range(6):
        np.testing.assert_allclose(found[i], found_within(scores[i], hits[i], es))
        np.testing.assert_allclose(spent[i], spent_within(scores[i], costs[i], es))
