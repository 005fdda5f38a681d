"""The loss of one optimizer step, and what it does where sampler and trainer disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from tasks.adapt.numbers import number
from tasks.errors import RequestError

Kind = Literal["none", "token_tis", "seq_mis"]
_KINDS = ("none", "token_tis", "seq_mis")
_CAP = 2.0


@dataclass(frozen=True)
class Correction:
    """How importance ratios far from 1 are dealt with.

    none: taken as they are. token_tis: a token's ratio counts `cap` at most (truncated importance
    sampling). seq_mis: a draw's tokens share the ratio of the whole draw, and a draw whose ratio
    exceeds `cap` counts nothing (masked importance sampling).
    """

    kind: Kind = "none"
    cap: float = _CAP

    def __str__(self) -> str:
        return self.kind if self.kind == "none" else f"{self.kind}:{self.cap:g}"


def parse_correction(text: str) -> Correction:
    """`none`, `token_tis[:CAP]` or `seq_mis[:CAP]`. Raises RequestError for another name."""
    kind, colon, cap = text.partition(":")
    usage = f"mismatch {text!r}: write none, token_tis:CAP or seq_mis:CAP, as in token_tis:2"
    if kind not in _KINDS or (kind == "none" and colon):
        raise RequestError(usage)
    return Correction(cast(Kind, kind), number(cap, usage) if colon else _CAP)


def importance_loss(
    logprobs: Tensor,
    behaviour: Tensor,
    advantages: Tensor,
    kept: Tensor,
    n: float,
    correction: Correction,
) -> Tensor:
    """−Σ ratio·A / n with ratio = exp(logprobs − behaviour), a scalar.

    All tensors (draws, tokens), a draw's tokens in its own row. A sum over n and not a mean: the
    losses of the pieces of a batch add up to the loss of the batch, whatever the pieces.

    logprobs: nats, with gradient. kept: true for tokens of completions, false for padding, whose
        values play no part. n: what the whole batch is divided by.
    """
    apart = torch.where(kept, logprobs - behaviour, 0.0)
    ratio = apart.exp()
    weighted = torch.where(kept, ratio * advantages, 0.0)
    if correction.kind == "token_tis":
        weighted = weighted * (correction.cap / ratio.detach()).clamp(max=1.0)
    elif correction.kind == "seq_mis":
        whole = apart.detach().sum(dim=1, keepdim=True).exp()
        weighted = weighted * (whole * (whole <= correction.cap) / ratio.detach())
    return -weighted.sum() / n
