"""Who is picked: a selection rule over all k-subsets of the draws, exactly.

The rule: of the correct draws in the subset take the `top` = m with the highest score, and of these
the fastest. Let s be the rank (from 0, by score, among the c correct of n draws) of the m-th that
is kept. Which m−1 of the s before it are kept beside it is uniformly random, and does not depend on
k. So everything that costs time is done once per problem, free of k:

    y(s) = E[value of the fastest of {s} ∪ a random (m−1)-subset of the ranks before s]
    F(t) = E[value of the fastest of a random t-subset of the c]              for t = 1 … m−1

and for every k what remains is a product with two tables of probabilities:

    E[value of the pick] = Σ_s y(s)·C(s, m−1)·C(n−1−s, k−m)/C(n, k)
                         + Σ_t F(t)·C(c, t)·C(n−c, k−t)/C(n, k)

For m = 1 this is the closed form Σ_r x(r)·C(n−1−r, k−1)/C(n, k), x in order of score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, Ints, check_ks, log_choose
from tasks.statistics.fastest import beaten_by, expected_fastest, fastest_of_any
from tasks.statistics.rank_table import last_kept, padded

_CANDIDATES = 64
"""Candidates whose law `pick_probabilities` finds at once: bounds its memory."""


@dataclass(frozen=True, eq=False)
class RankValues:
    """What a pick is worth, free of k: see the module. `measures` values are carried at once."""

    n: int
    """All draws of the problem, incorrect ones included."""
    top: int
    by_rank: Floats
    """y, shape (measures, c)."""
    few: Floats
    """F, shape (measures, min(top − 1, c))."""

    @property
    def c(self) -> int:
        """Correct draws."""
        return int(self.by_rank.shape[1])


def rank_values(
    values: ArrayLike, scores: ArrayLike, speedups: ArrayLike, n: int, *, top: int = 1
) -> RankValues:
    """The k-free part of E[value of the pick], for several values at once; O(c·log c).

    Args:
        values: of the c correct draws, shape (measures, c); finite.
        scores: of the same draws, shape (c,); higher is preferred. Tied scores share evenly: every
            order among them is equally likely. So constant scores are a random choice, and speedups
            as scores are the oracle.
        speedups: of the same draws; used by `top` > 1 only. NaN counts as slowest; equally fast
            ones yield to the one given first.
        n: all draws of the problem; c ≤ n.
        top: m, how many are kept before the fastest is taken.

    Raises ValueError for a NaN score, top < 1, c > n, or lengths that differ.
    """
    score, speed = np.asarray(scores, np.float64), np.asarray(speedups, np.float64)
    value = np.atleast_2d(np.asarray(values, np.float64))
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    if top < 1 or len(score) > n or len(score) != len(speed):
        raise ValueError("top must be at least 1, and scores and speedups as many as correct draws")
    if value.shape[1] != len(score):
        raise ValueError("each measure needs one value per correct draw")
    if not len(score):
        return RankValues(n, top, np.empty((len(value), 0)), np.empty((len(value), 0)))
    order = np.argsort(-score, kind="stable")
    value, ordered = value[:, order], score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    if top == 1:
        means = np.add.reduceat(value, starts, axis=1) / sizes
        return RankValues(n, top, np.repeat(means, sizes, axis=1), value[:, :0])
    beaten = beaten_by(speed[order], order)
    few = fastest_of_any(value, beaten, min(top, len(order)))
    if len(order) < top:
        return RankValues(n, top, np.zeros_like(value), few)
    if len(starts) == 1:
        # No score: the kept are any m of the c, whatever the rank of the last.
        return RankValues(n, top, np.repeat(few[:, -1:], len(order), axis=1), few[:, :-1])
    return RankValues(n, top, expected_fastest(value, beaten, starts, sizes, top), few[:, :-1])


def expected_at(problems: Sequence[RankValues], ks: ArrayLike) -> list[Floats]:
    """E[value of the pick of a random k-subset], for every problem: shapes (measures, len(ks)).

    No correct draw in the subset counts 0; columns with k > n are NaN. Problems of equal n and top
    share their table and one matrix product.
    """
    wanted = check_ks(np.asarray(ks, np.int64))
    found: list[Floats] = [np.empty(0)] * len(problems)
    alike: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for i, one in enumerate(problems):
        alike[one.n, one.top].append(i)
    for (n, top), members in alike.items():
        most = max(problems[i].c for i in members)
        stacked = np.concatenate([padded(problems[i].by_rank, most + 1) for i in members])
        product = stacked @ last_kept(n, tuple(wanted.tolist()), top, most + 1)
        row = 0
        for i in members:
            one = problems[i]
            size = len(one.by_rank)
            found[i] = product[row : row + size] + one.few @ _exactly(n, one.c, wanted, one.few)
            row += size
    return found


def pick_probabilities(
    scores: ArrayLike, speedups: ArrayLike, n: int, ks: ArrayLike, *, top: int = 1
) -> Floats:
    """P(candidate i is the pick of a random k-subset of n draws), for every correct i and every k.

    Shape (c, len(ks)); a column sums to P(some correct draw is in the subset) = pass@k, and is NaN
    where k > n. Arguments as `rank_values`. O(c²) at least: for looking at one problem, while
    curves need only `rank_values`.
    """
    wanted = check_ks(np.asarray(ks, np.int64))
    c = len(np.asarray(scores))
    identity = np.eye(c)
    blocks = [
        expected_at(
            [rank_values(identity[i : i + _CANDIDATES], scores, speedups, n, top=top)], wanted
        )[0]
        for i in range(0, max(c, 1), _CANDIDATES)
    ]
    return np.concatenate(blocks)


def _exactly(n: int, c: int, ks: Ints, few: Floats) -> Floats:
    """P(exactly t correct in the subset) = C(c, t)·C(n−c, k−t)/C(n, k), t = 1 … ; (t, len(ks))."""
    t = np.arange(1, few.shape[1] + 1)[:, None]
    total = np.where(ks <= n, log_choose(n, ks), np.nan)
    return np.asarray(np.exp(log_choose(c, t) + log_choose(n - c, ks - t) - total), np.float64)
