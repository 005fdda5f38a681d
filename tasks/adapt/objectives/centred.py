"""Objective `centred`: Dr. GRPO's (arXiv 2503.20783), rewards less their mean and nothing else."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import register_objective
from tasks.statistics.arrays import Floats


@register_objective("centred")
def centred(group: Group) -> Floats:
    """A_i = r_i − r̄; ΣA = 0. E[Σ A_i s_i / G] = (1 − 1/G) ∇E[r]."""
    return np.asarray(group.reward - group.reward.mean(), np.float64)
