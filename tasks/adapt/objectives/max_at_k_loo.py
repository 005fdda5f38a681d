"""Objective `max@K-loo`: the same goal as `max@K`, with one baseline less (arXiv 2505.15201)."""

from __future__ import annotations

from math import comb

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import Parts, register_objective_family, whole
from tasks.statistics.arrays import Floats


@register_objective_family("max@k-loo", "max@K-loo")
def max_at_k_loo(argument: str) -> Parts:
    """Needs K draws, and K of 2 or more."""
    k = whole(argument, "max@k-loo", 2)

    def rule(group: Group) -> Floats:
        return gains_over_others(group.reward, k)

    return Parts(draws=rule, least=k)


def gains_over_others(reward: Floats, k: int) -> Floats:
    """A_i = (k/G)·mean over the (k−1)-subsets of the others of (r_i − their max)₊, shape (G,).

    The max of such a subset is the others' j-th smallest y_j in C(j−1, k−2) of C(G−1, k−1) cases.
    E[Σ A_i s_i] = ∇E[max of k draws]; no A_i is negative, so ΣA > 0.
    """
    n = len(reward)
    total = comb(n - 1, k - 1)
    chance = np.array([comb(j - 1, k - 2) / total for j in range(1, n)])
    found = np.empty(n)
    for i in range(n):
        others = np.sort(np.delete(reward, i))
        found[i] = chance @ np.maximum(reward[i] - others, 0.0)
    return (k / n) * found
