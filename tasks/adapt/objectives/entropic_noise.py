"""Objective `entropic-noise[:C]`: `entropic-adaptive`, but never sharper than the clock."""

from __future__ import annotations

import math

import numpy as np

from tasks.adapt.group import Group, Verdicts
from tasks.adapt.numbers import number
from tasks.adapt.objectives.base import Parts, register_objective_family
from tasks.adapt.objectives.entropic import tilted
from tasks.adapt.objectives.entropic_adaptive import adaptive_beta
from tasks.adapt.rewards.log import log
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats

_C = 0.1


@register_objective_family("entropic-noise", "entropic-noise[:C]")
def entropic_noise(argument: str) -> Parts:
    """C is what one standard deviation of timing noise may move a draw's log weight, 0.1 by
    default."""
    usage = f"objective 'entropic-noise:{argument}': write entropic-noise:C with a number above 0"
    c = number(argument, usage) if argument else _C

    def rule(group: Group) -> Floats:
        """A of `entropic` on log speedups, with the β of `entropic-adaptive` or C/σ, whichever is
        smaller; σ from the judge's intervals."""
        reward = log(group.judged)
        sigma = noise(group.judged)
        beta = adaptive_beta(reward)
        return tilted(reward, min(beta, c / sigma) if sigma > 0 else beta)

    return Parts(draws=rule, own_reward="it weighs log speedups against their intervals")


def noise(verdicts: Verdicts) -> float:
    """σ: root mean square of the standard deviations of log speedup; 0 if nothing is correct.

    Raises RequestError if a correct draw has no interval.
    """
    known = verdicts.log_sd[verdicts.correct]
    if np.isnan(known).any():
        raise RequestError(
            "objective 'entropic-noise' needs the interval of every speedup, and this protocol "
            "gives none; take the protocol `trusted`, or `entropic-adaptive`"
        )
    return math.sqrt(float(np.mean(known**2))) if len(known) else 0.0
