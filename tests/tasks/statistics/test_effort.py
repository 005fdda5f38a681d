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
    made = effort_by_correct(np.stack([np.ones(n), costs]), scores, np.array(correct))
    found = expected_effort([made], [n], [1, 2, 3, 4, 5, 6], top=top)[0]
    assert np.isnan(found[:, 5]).all()
    for k in range(1, 6):
        runs = [
            spent(order, scores, correct, top)
            for subset in combinations(range(n), k)
            for order in permutations(subset)
        ]
        assert found[0, k - 1] == pytest.approx(np.mean([len(run) for run in runs]))
        assert found[1, k - 1] == pytest.approx(np.mean([costs[run].sum() for run in runs]))


def test_problems_of_different_sizes_do_not_mix() -> None:
    rng = np.random.default_rng(0)
    correct = [rng.random(n) < 0.5 for n in (7, 9, 7)]
    made = [effort_by_correct(np.ones(len(c)), rng.random(len(c)), c) for c in correct]
    together = expected_effort(made, [7, 9, 7], [1, 4, 7])
    for one, n, alone in zip(made, (7, 9, 7), together, strict=True):
        np.testing.assert_allclose(alone, expected_effort([one], [n], [1, 4, 7])[0])


def test_nan_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        effort_by_correct([1.0], [np.nan], np.array([True]))
