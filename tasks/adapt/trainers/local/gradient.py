"""The gradient of a whole batch, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.adapt.loss import importance_loss
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local.model import AdaptedModel
from tasks.adapt.trainers.local.pieces import Piece
from tasks.adapt.trainers.mismatch import Mismatch, mismatch
from tasks.statistics.arrays import Floats


@dataclass(frozen=True)
class Gradient:
    """What the passes forward and back found; the gradient itself is in the parameters' `grad`.

    logprobs: under the weights as they are, per item in the order of the pieces.
    """

    loss: float
    logprobs: list[Floats]
    mismatch: Mismatch


def batch_gradient(
    model: AdaptedModel, pieces: Sequence[Piece], spec: StepSpec, n: int
) -> Gradient:
    """Of the loss −Σ ratio·A / n over all pieces, n being the number of draws, whatever the pieces.

    n is no number of tokens: a mean over tokens would pay for long draws with short ones.
    """
    model.model.zero_grad(set_to_none=True)
    total = 0.0
    logprobs: list[Floats] = []
    apart: list[Floats] = []
    for piece in pieces:
        now = piece.of_targets(piece.logits(model.model, spec.temperature))
        loss = importance_loss(now, piece.behaviour, piece.advantages, piece.kept, n, spec.mismatch)
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
        of_items = [np.array(one) for one in piece.per_item(now.detach())]
        logprobs += of_items
        apart += [
            own - np.array(item.behaviour) for own, item in zip(of_items, piece.items, strict=True)
        ]
    return Gradient(total, logprobs, mismatch(apart))
