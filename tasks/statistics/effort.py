"""Rank first, judge until m are correct: what that costs, exactly, over all k-subsets.

A strategy whose score needs no verdict can be used before the check: order the k draws by score,
judge them one after the other and stop at the m-th correct one. It then keeps what the top-m rule
keeps after judging all k, so its success is that rule's; what it saves is here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Bools, Floats, check_ks
from tasks.statistics.rank_table import last_kept, padded


def effort_by_correct(costs: ArrayLike, scores: ArrayLike, correct: Bools) -> Floats:
    """The cost of the draws that have a correct draws before them, a = 0 … c.

    Args:
        costs: of all n draws, shape (kinds, n): ones for a count, seconds, tokens.
        scores: of all n draws; higher is judged first. Tied ones in every order alike. NaN raises
            ValueError.
        correct: of all n draws.

    Returns:
        Shape (kinds, c + 1): the expectation over the orders of tied draws. Among q correct of a
        tied group a correct draw has 0 … q−1 of them before it, an incorrect one 0 … q, each alike.
    """
    score, right = np.asarray(scores, np.float64), np.asarray(correct, bool)
    cost = np.atleast_2d(np.asarray(costs, np.float64))
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    c = int(right.sum())
    change = np.zeros((len(cost), c + 2))
    if not len(score):
        return change[:, :-1]
    order = np.argsort(-score, kind="stable")
    ordered, right, cost = score[order], right[order], cost[:, order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    own = np.add.reduceat(right.astype(np.int64), starts)
    ahead = np.cumsum(own) - own
    among = np.add.reduceat(np.where(right, cost, 0.0), starts, axis=1) / np.maximum(own, 1)
    beside = np.add.reduceat(np.where(right, 0.0, cost), starts, axis=1) / (own + 1)
    for row, of_correct, of_others in zip(change, among, beside, strict=True):
        np.add.at(row, ahead, of_correct + of_others)
        np.subtract.at(row, ahead + own, of_correct)
        np.subtract.at(row, ahead + own + 1, of_others)
    return np.cumsum(change, axis=1)[:, :-1]


def expected_effort(
    problems: Sequence[Floats], ns: Sequence[int], ks: ArrayLike, *, top: int = 1
) -> list[Floats]:
    """E[cost until the m-th correct draw of a random k-subset, or its end], problem by problem.

    `problems` are results of `effort_by_correct` for problems of `ns` draws; shapes
    (kinds, len(ks)), NaN where k > n. A draw with a correct ones before it is judged if it is in
    the subset with fewer than m of those: Σ_{j<m} C(a, j)·C(n−1−a, k−1−j)/C(n, k).
    """
    wanted = check_ks(np.asarray(ks, np.int64))
    found: list[Floats] = [np.empty(0)] * len(problems)
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for i, n in enumerate(ns):
        alike[n].append(i)
    for n, members in alike.items():
        size = max(problems[i].shape[1] for i in members)
        stacked = np.concatenate([padded(problems[i], size) for i in members])
        asked = tuple(wanted.tolist())
        made = stacked @ sum(last_kept(n, asked, j + 1, size) for j in range(top))
        row = 0
        for i in members:
            found[i] = made[row : row + len(problems[i])]
            row += len(problems[i])
    return found
