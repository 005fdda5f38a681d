"""What a step did: log-probabilities and divergences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from tasks.adapt.trainers.local.model import AdaptedModel
from tasks.adapt.trainers.local.pieces import Piece


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
