"""Objective `paper`: what the author's code does (arXiv 2602.07670). For reproduction only."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import Parts, register_objective_family
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats

_WINDOW = 32
_LEAST = 1e-6


@register_objective_family("paper", "paper")
def paper(argument: str) -> Parts:
    """Rewards by a running median, standardised over all draws of all problems of the step.

    It depends on the order of the draws, mixes problems, and gives most of the step to the few
    draws with the largest speedups.
    """
    if argument:
        raise RequestError(f"objective 'paper:{argument}': paper takes no parameter; write paper")
    return Parts(batch=standardised, own_reward="it divides by a running median")


def standardised(groups: Sequence[Group]) -> list[Floats]:
    """(r − r̄)/s over the batch, s with n − 1 and at least 1e-6; ΣA = 0 over the batch."""
    rewards = [over_running_median(group) for group in groups]
    together = np.concatenate(rewards)
    spread = max(float(np.std(together, ddof=1)), _LEAST)
    return [(one - together.mean()) / spread for one in rewards]


def over_running_median(group: Group) -> Floats:
    """Each correct speedup over the median of the problem's last 32 correct ones before it (1 where
    there is none); 0 if incorrect. Shape (G,)."""
    verdicts = group.judged
    window = deque(group.history.tolist(), maxlen=_WINDOW)
    found = np.zeros(group.n)
    for i in np.flatnonzero(verdicts.correct):
        speedup = float(verdicts.speedup[i])
        found[i] = speedup / max(float(np.median(window)) if window else 1.0, _LEAST)
        window.append(speedup)
    return found
