"""Objective `entropic-adaptive`: the β that moves every group alike (arXiv 2601.16175)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import logsumexp

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import register_objective
from tasks.adapt.objectives.entropic import tilted
from tasks.statistics.arrays import Floats

_TARGET = math.log(2)
_ATTAINABLE = 0.9
"""Share of the largest possible divergence that is asked for at most: reaching all of it would take
an infinite β, as in a group of two."""
_SAME = 1e-12
"""Rewards that differ by less, or by less than this share of the largest, are equal."""


@register_objective("entropic-adaptive")
def entropic_adaptive(group: Group) -> Floats:
    """`entropic` with β such that KL(softmax(βr) ‖ uniform) = ln 2; 0 where all rewards tie.

    Only the shape of the rewards counts, not their size: 1 % of timing noise moves the model as far
    as a factor of two does (see `entropic-noise`).
    """
    return tilted(group.reward, adaptive_beta(group.reward))


def adaptive_beta(reward: Floats) -> float:
    """The β of that divergence, to 1e-12 of itself; 0 if all rewards are equal, up to rounding.

    If more than half of the group ties at the top, ln 2 is out of reach, and 90 % of what can be
    reached is taken.
    """
    spread = float(np.ptp(reward))
    same = _SAME * max(1.0, float(np.abs(reward).max()))
    if spread <= same:
        return 0.0
    top = int(np.sum(reward >= reward.max() - same))
    target = min(_TARGET, _ATTAINABLE * math.log(len(reward) / top))
    low, high = 0.0, 1.0 / spread
    while _divergence(high * reward) < target:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _divergence(middle * reward) < target else (low, middle)
    return high


def _divergence(scores: Floats) -> float:
    """KL(softmax(scores) ‖ uniform), nats."""
    log_q = scores - logsumexp(scores)
    return float(np.sum(np.exp(log_q) * (log_q + math.log(len(scores)))))
