"""Who is picked: the exact law of a selection rule over all k-subsets of the draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, Ints, check_ks, log_choose, misses

_ROWS = 256
"""Candidates handled at once by the top-m rule: bounds its memory at some 10 kB × groups."""


def pick_probabilities(
    scores: ArrayLike, speedups: ArrayLike, n: int, ks: ArrayLike, *, top: int = 1
) -> Floats:
    """P(candidate i is the pick of a random k-subset of n draws), for every correct i and every k.

    The rule: of the correct draws in the subset take the `top` with the highest score, and of
    these the fastest. Tied scores share evenly (every order among them is equally likely); equally
    fast ones yield to the one given first. So constant scores are a random choice, and speedups as
    scores are the oracle.

    Args:
        scores: of the c correct draws, shape (c,); higher is preferred. NaN raises ValueError.
        speedups: of the same draws, shape (c,); used by `top` > 1 only. NaN counts as slowest.
        n: all draws of the problem, incorrect ones included; c ≤ n.
        ks: subset sizes, each at least 1.
        top: m, how many are kept before the fastest is taken.

    Returns:
        Shape (c, len(ks)). A column sums to P(some correct draw is in the subset) = pass@k; it is
        NaN where k > n.

    For top = 1 the r-th by score (from 0) is picked with probability C(n−1−r, k−1)/C(n, k): it is
    in, the r before it are not. A tie over ranks a…b−1 shares the sum, which telescopes to
    (C(n−a, k) − C(n−b, k))/C(n, k). For top = m see `_top`.
    """
    wanted = check_ks(np.asarray(ks, np.int64))
    score = np.asarray(scores, np.float64)
    speed = np.asarray(speedups, np.float64)
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    if top < 1 or len(score) > n or len(score) != len(speed):
        raise ValueError("top must be at least 1, and scores and speedups as many as correct draws")
    if not len(score):
        return np.where(wanted <= n, 0.0, np.nan)[None, :].repeat(0, axis=0)
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    by_rank = (
        _first(n, wanted, starts, sizes)
        if top == 1
        else _top(_slowness(speed[order], order), n, wanted, starts, sizes, top)
    )
    probabilities = np.empty_like(by_rank)
    probabilities[order] = by_rank
    return probabilities


def _first(n: int, ks: Ints, starts: Ints, sizes: Ints) -> Floats:
    avoided = misses(n, ks, int(sizes.sum()))
    shared = (avoided[starts] - avoided[starts + sizes]) / sizes[:, None]
    return np.repeat(shared, sizes, axis=0)


def _slowness(speed: Floats, index: Ints) -> Ints:
    """How many of the others each one beats: 0 for the slowest. Ties go to the lower index."""
    slowest_first = np.lexsort((-index, np.where(np.isnan(speed), -np.inf, speed)))
    beaten = np.empty(len(speed), np.int64)
    beaten[slowest_first] = np.arange(len(speed))
    return beaten


def _top(beaten: Ints, n: int, ks: Ints, starts: Ints, sizes: Ints, m: int) -> Floats:
    """The law for top = m > 1, candidates in order of score, tie groups G at `starts`.

    Two cases. With t < m correct draws in the subset all are kept, and i is the fastest of them in
    C(b, t−1)·C(n−c, k−t) subsets, b the number of candidates that i beats.

    Otherwise let G be the group of the m-th by score, a the candidates before G, and v ≥ 1 the
    number that G supplies. The kept set is then a uniform (m−v)-subset of those a together with a
    uniform v-subset of G, and this happens in Σ C(a, m−v)·C(s−a, v−1)·C(n−1−s, k−m) subsets, s
    over the ranks of G. Given it, i is the fastest if all others kept are ones it beats.
    """
    c = len(beaten)
    total = np.where(ks <= n, log_choose(n, ks), np.nan)[None, :]
    law = np.zeros((c, len(ks)))
    for t in range(1, min(m - 1, c) + 1):
        ways = log_choose(beaten, t - 1)[:, None] + log_choose(n - c, ks - t)
        law += np.exp(ways - total)
    law += 0.0 * total  # NaN where undefined, also where the sums below are empty
    if c < m:
        return law
    rank = np.arange(c)
    group = np.repeat(np.arange(len(starts)), sizes)
    before = starts[group]
    weights = []
    for v in range(1, min(m, int(sizes.max())) + 1):
        sets = log_choose(before, m - v) + log_choose(rank - before, v - 1)
        kept = np.exp(sets[:, None] + log_choose(n - 1 - rank[:, None], ks - m) - total)
        norm = log_choose(starts, m - v) + log_choose(sizes, v)
        # Where G cannot supply v, nothing is kept and the norm is C = 0.
        scale = np.exp(-np.where(np.isfinite(norm), norm, 0.0))
        weights.append(np.add.reduceat(kept, starts, axis=0) * scale[:, None])
    for first in range(0, c, _ROWS):
        rows = np.arange(first, min(first + _ROWS, c))
        law[rows] += _fastest(beaten, group, starts, rows, m, weights)
    return law


def _fastest(
    beaten: Ints, group: Ints, starts: Ints, rows: Ints, m: int, weights: list[Floats]
) -> Floats:
    """P(i is kept and the fastest, m-th in any group), for neighbouring ranks; shape (rows, ks).

    `weights[v − 1][G]` is the probability that G supplies v, over the number of sets kept then.
    """
    own = group[rows]
    within = _beaten_by_group(beaten, starts, rows)
    earlier = np.cumsum(within, axis=1)
    earlier -= within
    inside, ahead = within[np.arange(len(rows)), own], earlier[np.arange(len(rows)), own]
    # Later groups only, and of those only the columns that some row of the block has.
    columns = slice(int(own[0]) + 1, len(starts))
    within, earlier = within[:, columns], earlier[:, columns]
    within *= np.arange(columns.start, columns.stop)[None, :] > own[:, None]
    law = np.zeros((len(rows), weights[0].shape[1]))
    for v, weight in enumerate(weights, start=1):
        if v < m:
            law += (_choose(earlier, m - v - 1) * _choose(within, v)) @ weight[columns]
        law += (_choose(ahead, m - v) * _choose(inside, v - 1))[:, None] * weight[own]
    return law


def _beaten_by_group(beaten: Ints, starts: Ints, rows: Ints) -> Floats:
    """How many of each group a candidate beats; shape (rows, groups)."""
    if len(starts) == 1:
        return beaten[rows, None].astype(np.float64)
    beats = (beaten[rows, None] > beaten[None, :]).astype(np.float64)
    return beats if len(starts) == len(beaten) else np.add.reduceat(beats, starts, axis=1)


def _choose(n: Floats, k: int) -> Floats:
    """C(n, k) for whole n ≥ 0 and a small k, as a product, in which n < k leaves a factor 0."""
    value = n if k else np.ones_like(n)
    for j in range(1, k):
        value = value * (n - j) / (j + 1)
    return value
