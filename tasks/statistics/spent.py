"""All draws ranked, the first few judged: how often that finds something."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, check_ks, log_choose


def spent_within(scores: ArrayLike, costs: ArrayLike, evaluations: ArrayLike) -> Floats:
    """E[cost of judging the first e of all n draws, by score], for each e; shape (len(es),).

    Ties and budgets as in `found_within`: of a tied group, r judged ones cost r times its mean. NaN
    where a cost among them is unknown.
    """
    wanted = check_ks(np.asarray(evaluations, np.int64))
    score, cost = np.asarray(scores, np.float64), np.asarray(costs, np.float64)
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    if not len(score):
        return np.full(len(wanted), np.nan)
    order = np.argsort(-score, kind="stable")
    ordered, cost = score[order], cost[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    mean = np.repeat(np.add.reduceat(cost, starts) / sizes, sizes)
    return np.asarray(np.cumsum(mean)[np.minimum(wanted, len(score)) - 1], np.float64)


def found_within(scores: ArrayLike, hits: ArrayLike, evaluations: ArrayLike) -> Floats:
    """P(one of the first e of all n draws, by score, is a hit), for each e; shape (len(es),).

    Tied draws come in every order alike: if e falls into a tied group of g with q hits, none before
    it, r places of it are judged and miss with C(g−q, r)/C(g, r). With constant scores it is
    therefore pass@e. A budget beyond n buys all n. NaN without a draw; ValueError for a NaN score.
    """
    wanted = check_ks(np.asarray(evaluations, np.int64))
    score, hit = np.asarray(scores, np.float64), np.asarray(hits, bool)
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    if not len(score):
        return np.full(len(wanted), np.nan)
    order = np.argsort(-score, kind="stable")
    ordered, hit = score[order], hit[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    own = np.add.reduceat(hit.astype(np.int64), starts)
    ahead = np.cumsum(own) - own
    spent = np.minimum(wanted, len(score))
    at = np.searchsorted(starts, spent, side="left") - 1
    judged = spent - starts[at]
    missed = np.exp(log_choose(sizes[at] - own[at], judged) - log_choose(sizes[at], judged))
    return np.where(ahead[at] > 0, 1.0, 1.0 - missed)
