"""Reward `clip3`: speedup within [0, 3], as Dr. Kernel clips it (arXiv 2602.05885)."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.rewards.base import register_reward
from tasks.statistics.arrays import Floats


@register_reward("clip3")
def clip3(verdicts: Verdicts) -> Floats:
    """min(speedup, 3); 0 if incorrect. No single draw can outweigh all others."""
    return np.where(verdicts.correct, np.clip(verdicts.speedup, 0.0, 3.0), 0.0)
