"""What a step did: mismatch before it, divergences after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local.model import AdaptedModel
from tasks.adapt.trainers.local.pieces import Piece
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


@torch.no_grad()
def logprobs_now(
    model: AdaptedModel, pieces: Sequence[Piece], temperature: float
) -> list[list[tuple[float, ...]]]:
    """Per piece and item the log-probabilities of its tokens under the weights as they are."""
    return [
        piece.per_item(piece.of_targets(piece.logits(model.model, temperature))) for piece in pieces
    ]


@torch.no_grad()
def kl_from_parent(
    model: AdaptedModel, pieces: Sequence[Piece], temperature: float, parent: Mapping[str, Tensor]
) -> float:
    """KL(parent ‖ weights as they are), nats per token: whole vocabularies, behind the prefixes of
    the draws. inf where it is no number.

    Estimates from the drawn tokens alone are useless here: one token that became much likelier
    outweighs thousands.
    """
    now = model.copy()

    def of_parent(piece: Piece) -> Tensor:
        model.put(parent)
        try:
            return piece.logits(model.model, temperature)
        finally:
            model.put(now)

    return _mean_kl(pieces, of_parent, lambda piece: piece.logits(model.model, temperature))


@torch.no_grad()
def kl_from_base(model: AdaptedModel, pieces: Sequence[Piece], temperature: float) -> float:
    """KL(weights as they are ‖ base), in the same way."""

    def of_base(piece: Piece) -> Tensor:
        with model.base():
            return piece.logits(model.model, temperature)

    return _mean_kl(pieces, lambda piece: piece.logits(model.model, temperature), of_base)


def _mean_kl(
    pieces: Sequence[Piece], p: Callable[[Piece], Tensor], q: Callable[[Piece], Tensor]
) -> float:
    total, tokens = 0.0, 0
    for piece in pieces:
        log_p, log_q = p(piece).log_softmax(dim=2), q(piece).log_softmax(dim=2)
        of_token = (log_p.exp() * (log_p - log_q)).sum(dim=2)
        total += float(of_token[piece.kept].double().sum())
        tokens += int(piece.kept.sum())
    return total / tokens if math.isfinite(total) else math.inf
