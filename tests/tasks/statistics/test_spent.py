from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from tasks.statistics import found_within, pass_at_k


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
