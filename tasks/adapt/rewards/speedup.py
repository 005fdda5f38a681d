"""Reward `speedup`: how many times faster than the reference, 0 if incorrect."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.rewards.base import register_reward
from tasks.statistics.arrays import Floats


@register_reward("speedup")
def speedup(verdicts: Verdicts) -> Floats:
    """The point estimate: a few large values, and the noise of every one."""
    return np.where(verdicts.correct, verdicts.speedup, 0.0)
