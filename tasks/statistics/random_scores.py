"""What a rule's pick of one problem would be worth, were its scores handed out at random.

That is the law which "the score is noise" means: the draws, their values and the ties among their
scores stay, and only which draw has which score is random. Its mean is the worth of a random pick.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from tasks.statistics.arrays import Floats, Ints, log_choose, small_choose
from tasks.statistics.rank_table import last_kept

Law: TypeAlias = tuple[Floats, Floats]
"""Values, and the chance of each."""

_ORDERS = 512
"""Random orders tried where the law has no closed form. Their mean is then set to the exact one."""

_SEED = 20
_ELEMENTS = 500_000


@dataclass(frozen=True, slots=True)
class Rule:
    """Of k of n draws, the fastest of the `top` correct ones with the best scores."""

    n: int
    k: int
    top: int


def random_scores_law(values: Floats, beaten: Ints, ties: tuple[int, ...], rule: Rule) -> Law:
    """The law of E[value of the pick] over all k-subsets, scores random among the c correct draws.

    Args:
        values: of the correct draws, shape (c,); no correct draw in a subset counts 0.
        beaten: how many of the others each one beats in speed, shape (c,) (as in `beaten_by`).
        ties: sizes of the groups of equal scores, best first; they add up to c.
        rule: k ≤ n, c ≤ n.

    Exact at k = n without a tie at the last place kept: the pick is then one draw. Else every order
    gives a mean over subsets: for top = 1, and for values of 0 and 1 that rise with speed, from
    `_ORDERS` seeded orders. For the rest it is the law of a single pick, which has the same mean
    and is wider: a test by it errs on the safe side.
    """
    c = len(values)
    if not c:
        return np.zeros(1), np.ones(1)
    single = one_pick(values, beaten, rule)
    if len(ties) == 1 or min(c, rule.k) <= rule.top:
        # No score to go by, or as many places as draws: the order makes no difference.
        return np.array([float(single[0] @ single[1])]), np.ones(1)
    if rule.k == rule.n and rule.top in np.cumsum(ties):
        return single
    hits = values > 0.5
    rises = bool(np.isin(values, (0.0, 1.0)).all())
    if rises and (rule.top == 1 or beaten[hits].min(initial=c) >= c - hits.sum()):
        return _orders_of_hits(c, int(hits.sum()), ties, rule)
    if rule.top == 1:
        return _orders(values, ties, rule)
    return single


def one_pick(values: Floats, beaten: Ints, rule: Rule) -> Law:
    """The law of the value of one random pick: of a random subset, by scores in random order.

    Of t correct draws in the subset u = min(t, top) random ones are kept, and draw i is the fastest
    of them with chance C(bᵢ, u−1)/C(c, u); without any, the value is 0.
    """
    c = len(values)
    shares = _kept_shares(c, rule)
    chance, ratio = np.zeros(c), np.full(c, 1.0 / c)
    for u, share in enumerate(shares, start=1):
        chance += share * ratio
        # C(b, u)/C(c, u+1) from C(b, u−1)/C(c, u)
        ratio = ratio * (beaten - u + 1) / u * (u + 1) / max(c - u, 1)
    worth, place = np.unique(np.append(values, 0.0), return_inverse=True)
    total = np.bincount(place, np.append(chance, max(0.0, 1 - sum(shares))), len(worth))
    return worth[total > 0], total[total > 0] / total.sum()


@lru_cache(maxsize=20_000)
def _kept_shares(c: int, rule: Rule) -> tuple[float, ...]:
    """P(u correct draws are kept), u = 1 … min(top, c)."""
    present = np.arange(1, c + 1)
    log_share = log_choose(c, present) + log_choose(rule.n - c, rule.k - present)
    share = np.exp(log_share - log_choose(rule.n, rule.k))
    kept = np.minimum(present, rule.top)
    return tuple(float(share[kept == u].sum()) for u in range(1, min(rule.top, c) + 1))


def _rank_weights(c: int, ties: tuple[int, ...], rule: Rule) -> Floats:
    """P(the pick is the draw at each rank), for top = 1; tied ranks share."""
    weights = last_kept(rule.n, (rule.k,), 1, c)[:, 0]
    sizes = np.asarray(ties)
    starts = np.cumsum(sizes) - sizes
    return np.asarray(np.repeat(np.add.reduceat(weights, starts) / sizes, sizes), np.float64)


def _orders(values: Floats, ties: tuple[int, ...], rule: Rule) -> Law:
    c = len(values)
    weights = _rank_weights(c, ties, rule)
    orders = max(32, min(_ORDERS, _ELEMENTS // c))
    rng = np.random.default_rng((_SEED, c))
    worth = rng.permuted(np.tile(values, (orders, 1)), axis=1) @ weights
    return _with_mean(worth, float(values.mean() * weights.sum()))


@lru_cache(maxsize=20_000)
def _orders_of_hits(c: int, hits: int, ties: tuple[int, ...], rule: Rule) -> Law:
    """For values that are 1 for the fastest draws and 0 for the others: a pick is a hit where one
    of those kept is.
    """
    if hits in (0, c):
        sure = 0.0 if not hits else 1 - float(np.exp(log_none(rule.n, c, rule.k)))
        return np.array([sure]), np.ones(1)
    orders = max(32, min(_ORDERS, _ELEMENTS // c))
    rng = np.random.default_rng((_SEED, c, hits))
    hit = rng.permuted(np.tile(np.arange(c) < hits, (orders, 1)), axis=1)
    if rule.top == 1:
        worth = hit @ _rank_weights(c, ties, rule)
        return _with_mean(worth, hits / c * (1 - float(np.exp(log_none(rule.n, c, rule.k)))))
    # Fewer correct ones in the subset than are kept: any of them, in no order.
    few = sum(_present(rule, c, t) * float(np.exp(log_none(c, hits, t))) for t in range(rule.top))
    missed = np.full(orders, few)
    closes = last_kept(rule.n, (rule.k,), rule.top, c)[:, 0] / np.maximum(
        small_choose(np.arange(c, dtype=np.float64), rule.top - 1), 1.0
    )
    miss = ~hit
    before = np.cumsum(miss, axis=1) - miss
    start = 0
    for size in ties:
        earlier = before[:, start].astype(np.float64)
        own = miss[:, start : start + size].sum(axis=1)
        for place in range(size):
            # The last one kept stands here; u − 1 of the others are of its own group.
            for u in range(1, min(rule.top, place + 1) + 1):
                ways = small_choose(earlier, rule.top - u) * float(
                    small_choose(np.array(float(place)), u - 1)
                )
                none = np.exp(log_choose(own, u) - log_choose(size, u))
                missed += closes[start + place] * ways * none
        start += size
    enough = 1 - sum(_present(rule, c, t) for t in range(rule.top))
    return _with_mean(1 - missed, 1 - few - enough * float(np.exp(log_none(c, hits, rule.top))))


def log_none(n: int, special: int, k: int) -> float:
    """log P(a random k-subset of n holds none of the special ones)."""
    return float(log_choose(n - special, k) - log_choose(n, k))


def _present(rule: Rule, c: int, t: int) -> float:
    """P(exactly t of the c correct draws are in the subset)."""
    log = log_choose(c, t) + log_choose(rule.n - c, rule.k - t) - log_choose(rule.n, rule.k)
    return float(np.exp(log))


def _with_mean(worth: Floats, mean: float) -> Law:
    """Equal chances, shifted to the mean that is known exactly."""
    shifted = worth + (mean - float(worth.mean()))
    return shifted, np.full(len(worth), 1 / len(worth))
