"""Reward `threshold:P`: 1 if the speedup is surely above P (the paper's open question 3)."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.rewards.base import Rule, register_reward_family
from tasks.adapt.rewards.lower import low_ends
from tasks.statistics.arrays import Floats


@register_reward_family("threshold", "P")
def threshold(p: float) -> Rule:
    """1 where correct and the interval's low end exceeds `p`, else 0."""

    def rule(verdicts: Verdicts) -> Floats:
        return (low_ends(verdicts, f"threshold:{p:g}") > p).astype(np.float64)

    return rule
