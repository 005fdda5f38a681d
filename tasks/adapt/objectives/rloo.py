"""Objective `rloo`: rewards less the mean of the others, Dr. Kernel's TRLOO at one turn
(arXiv 2602.05885)."""

from __future__ import annotations

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import register_objective
from tasks.adapt.objectives.centred import centred
from tasks.statistics.arrays import Floats


@register_objective("rloo")
def rloo(group: Group) -> Floats:
    """A_i = r_i − mean of the others = (r_i − r̄)·G/(G−1); ΣA = 0. E[Σ A_i s_i / G] = ∇E[r].

    At fixed G a multiple of `centred`, which Adam does not see.
    """
    return centred(group) * (group.n / (group.n - 1))
