"""Reward `lower`: log of what the speedup is at least, so that noise earns nothing."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.rewards.base import LEAST_SPEEDUP, register_reward
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats


@register_reward("lower")
def lower(verdicts: Verdicts) -> Floats:
    """log max(low end of the speedup's interval, 1/16), nats; an incorrect draw log 1/16.

    Raises RequestError if a correct draw has no interval.
    """
    return np.log(np.maximum(low_ends(verdicts, "lower"), LEAST_SPEEDUP))


def low_ends(verdicts: Verdicts, name: str) -> Floats:
    """Low ends of the intervals, 0 where incorrect. Raises RequestError if one has none."""
    if np.isnan(verdicts.speedup_low[verdicts.correct]).any():
        raise RequestError(
            f"reward {name!r} needs the interval of every speedup, and this protocol gives none; "
            "take the protocol `trusted`, or the reward `log`"
        )
    return np.where(verdicts.correct, verdicts.speedup_low, 0.0)
