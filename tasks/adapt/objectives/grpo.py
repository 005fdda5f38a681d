"""Objective `grpo`: standardised within the group (arXiv 2402.03300)."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import register_objective
from tasks.adapt.objectives.centred import centred
from tasks.statistics.arrays import Floats

_EPSILON = 1e-6


@register_objective("grpo")
def grpo(group: Group) -> Floats:
    """A_i = (r_i − r̄)/(s + 1e-6), s with n − 1; ΣA = 0.

    A group of near ties weighs as much as one of real differences: it trains on the noise.
    """
    return centred(group) / (float(np.std(group.reward, ddof=1)) + _EPSILON)
