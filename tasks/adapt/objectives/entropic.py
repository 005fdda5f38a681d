"""Objective `entropic[:BETA]`: soft maximum of the reward (arXiv 2601.16175)."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.numbers import number
from tasks.adapt.objectives.base import Parts, register_objective_family
from tasks.statistics.arrays import Floats

_BETA = 2.0
_SHARPEST = 1e-12
"""What the others' mean weight is at least, in units of the largest one."""


@register_objective_family("entropic", "entropic[:BETA]")
def entropic(argument: str) -> Parts:
    """BETA is the inverse temperature, 2 by default."""
    usage = f"objective 'entropic:{argument}': write entropic:BETA with a number above 0"
    beta = number(argument, usage) if argument else _BETA

    def rule(group: Group) -> Floats:
        return tilted(group.reward, beta)

    return Parts(draws=rule)


def tilted(reward: Floats, beta: float) -> Floats:
    """A_i = e^{βr_i} / mean_{j≠i} e^{βr_j} − 1, shape (G,).

    The others' mean does not depend on x_i, so that E[Σ A_i s_i / G] = c·∇E[e^{βr}] with
    c = E[1 / mean of G − 1 weights]. ΣA is not 0.
    """
    weight = np.exp(beta * (reward - reward.max()))
    others = (weight.sum() - weight) / (len(reward) - 1)
    return np.asarray(weight / np.maximum(others, _SHARPEST) - 1.0, np.float64)
