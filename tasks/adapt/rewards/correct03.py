"""Reward `correct03`: 0.3 for being correct plus the speedup, Kevin's (arXiv 2507.11948)."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.rewards.base import register_reward
from tasks.statistics.arrays import Floats


@register_reward("correct03")
def correct03(verdicts: Verdicts) -> Floats:
    """0.3 + speedup; 0 if incorrect."""
    return np.where(verdicts.correct, 0.3 + verdicts.speedup, 0.0)
