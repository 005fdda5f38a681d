"""Objective `max@K`: the expected best of K draws, which is what Best-of-N delivers."""

from __future__ import annotations

from math import comb

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import Parts, register_objective_family, whole
from tasks.statistics.arrays import Floats


@register_objective_family("max@k", "max@K")
def max_at_k(argument: str) -> Parts:
    """Needs K + 1 draws: some K of them without the one that is looked at."""
    k = whole(argument, "max@k", 1)

    def rule(group: Group) -> Floats:
        return best_with_less_best_without(group.reward, k)

    return Parts(draws=rule, least=max(2, k + 1))


def best_with_less_best_without(reward: Floats, k: int) -> Floats:
    """A_i = (k/G)·([mean max over k-subsets with i] − [mean max over k-subsets without i]).

    Shape (G,), G > k. ΣA = 0, and E[Σ A_i s_i] = ∇E[max of k draws] exactly (a sum over the draws:
    the 1/G is in A).

    In ascending order x_1 … x_G, and with i taken out, the j − 2 draws below some j > i give
    C(j−2, k−2) subsets with i and C(j−2, k−1) without, in which x_j is the largest.
    """
    n = len(reward)
    order = np.argsort(reward, kind="stable")
    x = reward[order]
    ranks = range(1, n + 1)

    def weights(less: int, size: int, total: int) -> Floats:
        """C(j − less, size)/total for every rank j."""
        return np.array([_comb(j - less, size) / total for j in ranks])

    with_i, without_i = comb(n - 1, k - 1), comb(n - 1, k)
    best_is_i = x * weights(1, k - 1, with_i)
    above_with = _above(x * weights(2, k - 2, with_i))
    below_without = np.concatenate([[0.0], np.cumsum(x * weights(1, k - 1, without_i))[:-1]])
    above_without = _above(x * weights(2, k - 1, without_i))
    found = np.empty(n)
    found[order] = (k / n) * (best_is_i + above_with - below_without - above_without)
    return found


def _above(terms: Floats) -> Floats:
    """Sums of the terms behind each one."""
    return np.concatenate([np.cumsum(terms[::-1])[::-1][1:], [0.0]])


def _comb(n: int, k: int) -> int:
    return comb(n, k) if n >= 0 and k >= 0 else 0
