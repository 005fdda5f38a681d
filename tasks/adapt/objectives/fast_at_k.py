"""Objective `fast@K`: the chance that some of K draws is correct and surely faster."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import Parts, register_objective_family, whole
from tasks.adapt.objectives.max_at_k import best_with_less_best_without
from tasks.statistics.arrays import Floats


@register_objective_family("fast@k", "fast@K")
def fast_at_k(argument: str) -> Parts:
    """`max@K` of 1{fast_1}: an unbiased gradient of fast@K."""
    k = whole(argument, "fast@k", 1)

    def rule(group: Group) -> Floats:
        return best_with_less_best_without(group.judged.fast_1.astype(np.float64), k)

    return Parts(draws=rule, least=max(2, k + 1), own_reward="it counts 1{fast_1}")
