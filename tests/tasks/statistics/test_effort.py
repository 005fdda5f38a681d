"""Judging in the order of the score, against every subset and every order of the tied."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from tasks.statistics import effort_by_correct, expected_effort


def spent(subset: tuple[int, ...], scores: list[float], correct: list[bool], top: int) -> list[int]:
    """Who is judged, by the rule itself; `subset` in the order in which ties are broken."""
    judged, found = [], 0
    for i in sorted(subset, key=lambda i: -scores[i]):
        if found < top:
            judged.append(i)
            found += correct[i]
    return judged


@pytest.mark.parametrize("top", [1, 2, 3])
@pytest.mark.parametrize(
    ("scores", "correct"),
    [
        ([5, 4, 3, 2, 1], [False, True, False, True, True]),
        ([1, 1, 0, 0, 0], [False, True, True, False, True]),
        ([0, 0, 0, 0, 0], [True, False, True, False, False]),
        ([2, 1, 1, 1, 0], [False, False, False, False, False]),
        ([2, 2, 1, 1, 1], [True, True, True, True, True]),
    ],
)
def test_it_is_the_mean_over_subsets_and_orders(
    scores: list[float], correct: list[bool], top: int
) -> None:
    n, costs = 5, np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    made = effort_by_correct(np.stack([np.ones(n), costs])[:, None], [scores], np.array([correct]))
    found = expected_effort(made, [1, 2, 3, 4, 5, 6], top=top)[:, 0]
    assert np.isnan(found[:, 5]).all()
    for k in range(1, 6):
        runs = [
            spent(order, scores, correct, top)
            for subset in combinations(range(n), k)
            for order in permutations(subset)
        ]
        assert found[0, k - 1] == pytest.approx(np.mean([len(run) for run in runs]))
        assert found[1, k - 1] == pytest.approx(np.mean([costs[run].sum() for run in runs]))


def test_problems_side_by_side_do_not_mix() -> None:
    rng = np.random.default_rng(0)
    correct = rng.random((5, 9)) < np.array([0.0, 0.2, 0.5, 0.8, 1.0])[:, None]
    scores, costs = rng.integers(0, 4, (5, 9)).astype(float), rng.random((2, 5, 9))
    together = expected_effort(effort_by_correct(costs, scores, correct), [1, 4, 9], top=2)
    for i in range(5):
        alone = effort_by_correct(costs[:, [i]], scores[[i]], correct[[i]])
        np.testing.assert_allclose(together[:, [i]], expected_effort(alone, [1, 4, 9], top=2))


def test_nan_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        effort_by_correct([[[1.0]]], [[np.nan]], np.array([[True]]))
