"""Reward `log`: log speedup, so that twice as fast is worth the same at any speed."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.rewards.base import LEAST_SPEEDUP, register_reward
from tasks.statistics.arrays import Floats


@register_reward("log")
def log(verdicts: Verdicts) -> Floats:
    """log max(speedup, 1/16), nats; an incorrect draw log 1/16."""
    known = np.where(verdicts.correct, verdicts.speedup, LEAST_SPEEDUP)
    return np.log(np.maximum(known, LEAST_SPEEDUP))
