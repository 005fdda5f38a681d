"""All draws ranked, the first few judged: how often that finds something, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats, Ints, check_ks, log_choose


@dataclass(frozen=True)
class _Ranked:
    """Draws from the best score down, in groups that tie."""

    order: Ints
    """Shape (n,): the draw at each rank."""
    starts: Ints
    """Shape (groups,): the rank at which each group begins."""
    sizes: Ints
    """Shape (groups,)."""


def _ranked(scores: ArrayLike) -> _Ranked:
    """Raises ValueError for a score that is NaN."""
    score = np.asarray(scores, np.float64)
    if np.isnan(score).any():
        raise ValueError("a score is NaN; a strategy abstains where it cannot score")
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(score)])
    return _Ranked(order, starts, np.diff(np.r_[starts, len(score)]))


def spent_within(scores: ArrayLike, costs: ArrayLike, evaluations: ArrayLike) -> Floats:
    """E[cost of judging the first e of all n draws, by score], for each e; shape (len(es),).

    Ties and budgets as in `found_within`: of a tied group, r judged ones cost r times its mean. NaN
    where a cost among them is unknown.
    """
    wanted, ranked = check_ks(np.asarray(evaluations, np.int64)), _ranked(scores)
    if not len(ranked.order):
        return np.full(len(wanted), np.nan)
    cost = np.asarray(costs, np.float64)[ranked.order]
    mean = np.repeat(np.add.reduceat(cost, ranked.starts) / ranked.sizes, ranked.sizes)
    return np.asarray(np.cumsum(mean)[np.minimum(wanted, len(cost)) - 1], np.float64)


def found_within(scores: ArrayLike, hits: ArrayLike, evaluations: ArrayLike) -> Floats:
    """P(one of the first e of all n draws, by score, is a hit), for each e; shape (len(es),).

    Tied draws come in every order alike: if e falls into a tied group of g with q hits, none before
    it, r places of it are judged and miss with C(g−q, r)/C(g, r). With constant scores it is
    therefore pass@e. A budget beyond n buys all n. NaN without a draw; ValueError for a NaN score.
    """
    wanted, ranked = check_ks(np.asarray(evaluations, np.int64)), _ranked(scores)
    if not len(ranked.order):
        return np.full(len(wanted), np.nan)
    hit = np.asarray(hits, bool)[ranked.order]
    own = np.add.reduceat(hit.astype(np.int64), ranked.starts)
    ahead = np.cumsum(own) - own
    spent = np.minimum(wanted, len(hit))
    at = np.searchsorted(ranked.starts, spent, side="left") - 1
    size, judged = ranked.sizes[at], spent - ranked.starts[at]
    missed = np.exp(log_choose(size - own[at], judged) - log_choose(size, judged))
    return np.where(ahead[at] > 0, 1.0, 1.0 - missed)
