"""All draws ranked, the first few judged: how often that finds something, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Bools, Floats, Ints, check_ks, log_choose


@dataclass(frozen=True)
class _Ranked:
    """Draws of problems from the best score down, in groups that tie; all shapes (problems, n)."""

    order: Ints
    """The draw at each rank."""
    begins: Bools
    """Whether a group begins there."""
    first: Ints
    """The rank at which its group begins."""
    size: Ints
    """Of its group."""


def _ranked(scores: ArrayLike) -> _Ranked:
    """Raises ValueError for a score that is NaN."""
    score = np.asarray(scores, np.float64)
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    order = np.argsort(-score, axis=1, kind="stable")
    ordered = np.take_along_axis(score, order, axis=1)
    begins = np.ones(score.shape, bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(begins)
    sizes = np.diff(np.r_[starts, score.size])
    n = max(score.shape[1], 1)
    first, size = (np.repeat(one, sizes).reshape(score.shape) for one in (starts % n, sizes))
    return _Ranked(order, begins, first, size)


def _sums(values: Floats, ranked: _Ranked) -> Floats:
    """Over each group, at all of its ranks; shape (problems, n)."""
    ordered = np.take_along_axis(values, ranked.order, axis=1)
    starts = np.flatnonzero(ranked.begins)
    sums = np.add.reduceat(ordered.ravel(), starts)
    return np.repeat(sums, np.diff(np.r_[starts, values.size])).reshape(values.shape)


def spent_within(scores: ArrayLike, costs: ArrayLike, evaluations: ArrayLike) -> Floats:
    """E[cost of judging the first e of all n draws, by score], for each e.

    Shape (problems, len(es)). `scores`, `costs`: shape (problems, n). Ties and budgets as in
    `found_within`: of a tied group, r judged ones cost r times its mean. NaN where a cost among
    them is unknown.
    """
    wanted, ranked = check_ks(np.asarray(evaluations, np.int64)), _ranked(scores)
    problems, n = ranked.order.shape
    if not n:
        return np.full((problems, len(wanted)), np.nan)
    mean = _sums(np.asarray(costs, np.float64), ranked) / ranked.size
    return np.asarray(np.cumsum(mean, axis=1)[:, np.minimum(wanted, n) - 1], np.float64)


def found_within(scores: ArrayLike, hits: ArrayLike, evaluations: ArrayLike) -> Floats:
    """P(one of the first e of all n draws, by score, is a hit), for each e.

    Shape (problems, len(es)). `scores`, `hits`: shape (problems, n). Tied draws come in every order
    alike: if e falls into a tied group of g with q hits, none before it, r places of it are judged
    and miss with C(g−q, r)/C(g, r). With constant scores it is therefore pass@e. A budget beyond n
    buys all n. NaN without a draw; ValueError for a NaN score.
    """
    wanted, ranked = check_ks(np.asarray(evaluations, np.int64)), _ranked(scores)
    problems, n = ranked.order.shape
    if not n:
        return np.full((problems, len(wanted)), np.nan)
    hit = np.asarray(hits, np.float64)
    own = _sums(hit, ranked)
    so_far = np.cumsum(np.take_along_axis(hit, ranked.order, axis=1), axis=1)
    last = np.minimum(wanted, n) - 1  # the rank of the last that is judged
    size, first, held = ranked.size[:, last], ranked.first[:, last], own[:, last]
    # Hits of the groups before the one in which the budget ends.
    padded = np.concatenate([np.zeros((problems, 1)), so_far], axis=1)
    ahead = np.take_along_axis(padded, first, axis=1)
    judged = last + 1 - first
    missed = np.exp(log_choose(size - held, judged) - log_choose(size, judged))
    return np.where(ahead > 0, 1.0, 1.0 - missed)
