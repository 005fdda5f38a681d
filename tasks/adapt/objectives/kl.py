"""`+kl:LAMBDA`: a price on leaving the model that the run began with."""

from __future__ import annotations

import numpy as np

from tasks.adapt.group import Group, differences
from tasks.statistics.arrays import Floats


def kl_terms(group: Group, strength: float) -> list[Floats]:
    """λ(Δ̄ − Δ_t) with Δ_t = log π_s − log π_0 of each token drawn, and Δ̄ its mean over the tokens
    of the group: per draw shape (tokens,). All together sum to 0.

    In expectation the gradient of −λ KL(π_s‖π_0), since Δ is the ratio under the very tokens drawn.
    """
    if group.sampled is None or group.base is None:
        raise ValueError("+kl needs the log-probabilities of the draws and of the base model")
    apart = differences(group.sampled, group.base)
    tokens = sum(len(one) for one in apart)
    mean = sum(float(one.sum()) for one in apart) / tokens if tokens else 0.0
    return [strength * (mean - np.asarray(one)) for one in apart]
