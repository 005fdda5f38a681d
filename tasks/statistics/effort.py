"""Rank first, judge until m are correct: what that costs, exactly, over all k-subsets.

A strategy whose score needs no verdict can be used before the check: order the k draws by score,
judge them one after the other and stop at the m-th correct one. It then keeps what the top-m rule
keeps after judging all k, so its success is that rule's; what it saves is here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Bools, Floats, check_ks
from tasks.statistics.rank_table import last_kept


def effort_by_correct(costs: ArrayLike, scores: ArrayLike, correct: Bools) -> Floats:
    """The cost of the draws that have a correct draws before them, a = 0 … n; 0 beyond c.

    Args:
        costs: of all draws, shape (kinds, problems, n): ones for a count, seconds, tokens.
        scores: of all draws, shape (problems, n); higher is judged first. Tied ones in every order
            alike. NaN raises ValueError.
        correct: of all draws, the same shape.

    Returns:
        Shape (kinds, problems, n + 1): the expectation over the orders of tied draws. Among q
        correct of a tied group a correct draw has 0 … q−1 of them before it, an incorrect one
        0 … q, each alike.
    """
    score, right = np.asarray(scores, np.float64), np.asarray(correct, bool)
    cost = np.asarray(costs, np.float64)
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    kinds, problems, n = cost.shape
    if not score.size:
        return np.zeros((kinds, problems, n + 1))
    order = np.argsort(-score, axis=1, kind="stable")
    ordered, right = (np.take_along_axis(one, order, axis=1) for one in (score, right))
    flat = np.take_along_axis(cost, order[None], axis=2).reshape(kinds, -1)
    begins = np.ones(score.shape, bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(begins)
    problem, of_right = starts // n, right.ravel()
    own = np.add.reduceat(of_right.astype(np.int64), starts)
    so_far = np.cumsum(right, axis=1) - right
    ahead = so_far.ravel()[starts]
    among = np.add.reduceat(np.where(of_right, flat, 0.0), starts, axis=1) / np.maximum(own, 1)
    beside = np.add.reduceat(np.where(of_right, 0.0, flat), starts, axis=1) / (own + 1)
    place = problem * (n + 2) + ahead
    size = problems * (n + 2)
    change = np.stack(
        [
            np.bincount(place, first + second, size)
            - np.bincount(place + own, first, size)
            - np.bincount(place + own + 1, second, size)
            for first, second in zip(among, beside, strict=True)
        ]
    ).reshape(kinds, problems, n + 2)
    made = np.cumsum(change, axis=2)[..., :-1]
    return np.where(np.arange(n + 1) <= right.sum(axis=1)[:, None], made, 0.0)


def expected_effort(by_correct: Floats, ks: ArrayLike, *, top: int = 1) -> Floats:
    """E[cost until the m-th correct draw of a random k-subset, or its end].

    `by_correct` as from `effort_by_correct`; shape (kinds, problems, len(ks)), NaN where k > n. A
    draw with a correct ones before it is judged if it is in the subset with fewer than m of those:
    Σ_{j<m} C(a, j)·C(n−1−a, k−1−j)/C(n, k).
    """
    asked = tuple(check_ks(np.asarray(ks, np.int64)).tolist())
    size = by_correct.shape[2]
    return np.asarray(
        by_correct @ sum(last_kept(size - 1, asked, j + 1, size) for j in range(top)), np.float64
    )
