"""Objective `pass@K`: the chance that some of K draws is correct."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import Parts, register_objective_family, whole
from tasks.adapt.objectives.max_at_k import best_with_less_best_without
from tasks.statistics.arrays import Floats


@register_objective_family("pass@k", "pass@K")
def pass_at_k(argument: str) -> Parts:
    """`max@K` of 1{correct}: an unbiased gradient of pass@K."""
    k = whole(argument, "pass@k", 1)

    def rule(group: Group) -> Floats:
        return best_with_less_best_without(group.judged.correct.astype(np.float64), k)

    return Parts(draws=rule, least=max(2, k + 1), own_reward="it counts 1{correct}")
