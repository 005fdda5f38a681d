"""The loss of one optimizer step."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.adapt.correction import Correction


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
