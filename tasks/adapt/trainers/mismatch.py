"""How far sampler and trainer are from each other, and what may be built on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.adapt.trainers.base import StepSpec
from tasks.errors import StepRefusedError
from tasks.statistics.arrays import Floats

HOPELESS = 0.5
"""Nats per token. No correction makes up for another model, or another temperature."""


@dataclass(frozen=True)
class Mismatch:
    """How far the trainer's log-probabilities are from the sampler's.

    mean, most: of |Δ| over tokens, nats. ess: effective sample size over the number of draws.
    """

    mean: float
    most: float
    ess: float

    def check(self, spec: StepSpec) -> None:
        """Raises StepRefusedError outside the trust region, naming what to set."""
        if not self.mean <= HOPELESS:
            raise StepRefusedError(
                f"sampler and trainer differ by {self.mean:.3g} nats per token: that is another "
                "model, adapter or temperature, and no correction helps; make them the same"
            )
        if spec.mismatch.kind != "none":
            return
        if self.mean > spec.max_apart:
            reason = f"differ by {self.mean:.3g} nats per token ({spec.max_apart:g} is the most)"
        elif self.ess < spec.least_ess:
            reason = (
                f"leave {self.ess:.0%} of the draws' weight ({spec.least_ess:.0%} is the least)"
            )
        else:
            return
        raise StepRefusedError(
            f"sampler and trainer {reason} without a correction; set mismatch=token_tis:2 or "
            "mismatch=seq_mis:2"
        )


def mismatch(apart: Sequence[Floats]) -> Mismatch:
    """From log p of trainer − log p of sampler, per draw shape (tokens,)."""
    together = np.abs(np.concatenate(apart))
    logs = np.array([one.sum() for one in apart])
    weights = np.exp(logs - logs.max())
    ess = float(weights.sum() ** 2 / (len(apart) * (weights**2).sum()))
    return Mismatch(float(together.mean()), float(together.max()), ess)
