"""Who is picked: a selection rule over all k-subsets of the draws, exactly.

The rule: of the correct draws in the subset take the `top` = m with the highest score, and of these
the fastest. Let s be the rank (from 0, by score, among the c correct of n draws) of the m-th that
is kept. Which m−1 of the s before it are kept beside it is uniformly random, and does not depend on
k. So everything that costs time is done once per problem, free of k, for many problems at once:

    y(s) = E[value of the fastest of {s} ∪ a random (m−1)-subset of the ranks before s]
    F(t) = E[value of the fastest of a random t-subset of the c]              for t = 1 … m−1

and for every k what remains is a product with two tables of probabilities:

    E[value of the pick] = Σ_s y(s)·C(s, m−1)·C(n−1−s, k−m)/C(n, k)
                         + Σ_t F(t)·C(c, t)·C(n−c, k−t)/C(n, k)

For m = 1 this is the closed form Σ_r x(r)·C(n−1−r, k−1)/C(n, k), x in order of score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, Ints, check_ks, log_choose
from tasks.statistics.fastest import beaten_by, expected_fastest, fastest_of_any
from tasks.statistics.rank_table import last_kept

_CANDIDATES = 64
"""Candidates whose law `pick_probabilities` finds at once: bounds its memory."""


@dataclass(frozen=True, eq=False)
class RankValues:
    """What picks are worth, free of k: see the module. `measures` values are carried at once."""

    top: int
    counts: Ints
    """c, the correct draws of each problem; shape (problems,)."""
    by_rank: Floats
    """y, shape (measures, problems, n); 0 from rank c on."""
    few: Floats
    """F, shape (measures, problems, top − 1); 0 for t > c."""
    order: Ints
    """Shape (problems, n): the correct draws of each problem from the highest score down, tied ones
    as given, then the others."""


def rank_values(
    values: ArrayLike, scores: ArrayLike, speedups: ArrayLike, correct: ArrayLike, *, top: int = 1
) -> RankValues:
    """The k-free part of E[value of the pick], for several values at once; O(n·log n) a problem.

    Args:
        values: shape (measures, problems, n), finite where correct: of problems with n draws each.
        scores: shape (problems, n); higher is preferred. Tied scores share evenly: every order
            among them is equally likely. So constant scores are a random choice, and speedups as
            scores are the oracle.
        speedups: of the same draws; used by `top` > 1 only. NaN counts as slowest; equally fast
            ones yield to the one given first.
        correct: of the same draws; of the others nothing else is looked at.
        top: m, how many are kept before the fastest is taken.

    Raises ValueError for a NaN score of a correct draw, top < 1, or shapes that differ.
    """
    right = np.asarray(correct, bool)
    score, speed = np.asarray(scores, np.float64), np.asarray(speedups, np.float64)
    value = np.asarray(values, np.float64)
    if right.ndim != 2 or not value.shape[1:] == score.shape == speed.shape == right.shape:
        raise ValueError("values, scores, speedups and correct must be of the same draws")
    if np.isnan(score[right]).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    if top < 1:
        raise ValueError("top must be at least 1")
    counts = right.sum(axis=1)
    order = np.lexsort((np.where(right, -score, 0.0), ~right), axis=-1)
    held = np.arange(right.shape[1]) < counts[:, None]
    value = np.where(held, np.take_along_axis(value, order[None], axis=2), 0.0)
    ordered = np.take_along_axis(score, order, axis=1)
    begins = np.ones(right.shape, bool)
    begins[:, 1:] = (ordered[:, 1:] != ordered[:, :-1]) | (held[:, 1:] != held[:, :-1])
    if top == 1:
        starts = np.flatnonzero(begins)
        sizes = np.diff(np.r_[starts, begins.size])
        flat = value.reshape(len(value), begins.size)
        means = np.add.reduceat(flat, starts, axis=1) / sizes if len(starts) else flat
        by_rank = np.repeat(means, sizes, axis=1).reshape(value.shape)
        return RankValues(top, counts, by_rank, np.empty((*value.shape[:2], 0)), order)
    beaten = beaten_by(np.take_along_axis(speed, order, axis=1), order, held)
    few = fastest_of_any(value, beaten, held, top)
    # Without a preference the kept are any m of the c, whatever the rank of the last.
    by_rank = np.where(held, few[..., -1:], 0.0)
    chosen = np.flatnonzero(((begins & held).sum(axis=1) > 1) & (counts >= top))
    if len(chosen):
        mask = held[chosen]
        starts = np.flatnonzero(begins[chosen][mask])
        sizes = np.diff(np.r_[starts, int(mask.sum())])
        made = expected_fastest(
            value[:, chosen][:, mask], beaten[chosen][mask], starts, sizes, counts[chosen], top
        )
        scored = np.zeros((len(value), *mask.shape))
        scored[:, mask] = made
        by_rank[:, chosen] = scored
    return RankValues(top, counts, by_rank, few[..., :-1], order)


def expected_at(ranked: RankValues, ks: ArrayLike) -> Floats:
    """E[value of the pick of a random k-subset]; shape (measures, problems, len(ks)).

    No correct draw in the subset counts 0; columns with k > n are NaN.
    """
    wanted = check_ks(np.asarray(ks, np.int64))
    n = ranked.by_rank.shape[2]
    found = ranked.by_rank @ last_kept(n, tuple(wanted.tolist()), ranked.top, n)
    if ranked.top > 1:
        found += np.einsum(
            "mpt,ptk->mpk", ranked.few, _exactly(n, ranked.counts, wanted, ranked.top)
        )
    return np.asarray(found, np.float64)


def pick_probabilities(
    scores: ArrayLike, speedups: ArrayLike, n: int, ks: ArrayLike, *, top: int = 1
) -> Floats:
    """P(candidate i is the pick of a random k-subset of n draws), for every correct i and every k.

    Shape (c, len(ks)); a column sums to P(some correct draw is in the subset) = pass@k, and is NaN
    where k > n. The scores and speedups are of the c correct draws. O(c·n) at least: for looking at
    one problem, while curves need only `rank_values`.
    """
    wanted = check_ks(np.asarray(ks, np.int64))
    score, speed = np.asarray(scores, np.float64), np.asarray(speedups, np.float64)
    c = len(score)
    if c > n or len(speed) != c:
        raise ValueError("scores and speedups must be as many as correct draws, and at most n")
    correct = (np.arange(n) < c)[None]
    wide = np.zeros((2, 1, n))
    wide[0, 0, :c], wide[1, 0, :c] = score, speed
    identity = np.eye(c, n)[:, None, :]
    blocks = [
        expected_at(
            rank_values(identity[i : i + _CANDIDATES], wide[0], wide[1], correct, top=top), wanted
        )[:, 0]
        for i in range(0, max(c, 1), _CANDIDATES)
    ]
    return np.concatenate(blocks)


def _exactly(n: int, counts: Ints, ks: Ints, top: int) -> Floats:
    """P(exactly t correct in the subset) = C(c, t)·C(n−c, k−t)/C(n, k), t = 1 … top − 1; shape
    (problems, top − 1, len(ks))."""
    c, t = counts[:, None, None], np.arange(1, top)[:, None]
    total = np.where(ks <= n, log_choose(n, ks), np.nan)
    return np.asarray(np.exp(log_choose(c, t) + log_choose(n - c, ks - t) - total), np.float64)
