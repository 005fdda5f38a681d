"""One seed per candidate: exact draws from softmax(logits / T) that no batch mate can influence.

Every candidate owns a stream of uniforms, one number per token, and a token is the inverse of the
cumulative distribution at that number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


def uniforms(seed: int, steps: int) -> Tensor:
    """(steps,) float64 in [0, 1), the same first numbers whatever `steps`.

    Philox over the whole seed: torch's CPU generator would keep only its low 32 bits, and a CUDA
    generator would give another stream.
    """
    return torch.from_numpy(np.random.Generator(np.random.Philox(seed)).random(steps))


@dataclass(frozen=True)
class Picks:
    """One token a row, with its log-probabilities in nats; tensors of shape (rows,).

    raw: of softmax(logits). processed: of softmax(logits / temperature); at temperature 0 that of
        the only token allowed, 0.
    """

    tokens: Tensor
    raw: Tensor
    processed: Tensor


def pick(logits: Tensor, uniform: Tensor, temperature: float) -> Picks:
    """The token at which each row's cumulative distribution passes its uniform number.

    logits: (rows, vocabulary) float32. uniform: (rows,) float64. temperature: 0 is greedy.
    """
    if temperature == 0.0:
        tokens = logits.argmax(dim=-1, keepdim=True)
        processed = torch.zeros_like(tokens, dtype=torch.float32)
    else:
        scaled = logits / temperature
        # float64: over 150,000 float32 terms the cumulative sum would misplace its steps by
        # more than the probability of a rare token.
        cumulative = scaled.double().softmax(dim=-1).cumsum_(dim=-1)
        threshold = uniform[:, None] * cumulative[:, -1:]
        tokens = torch.searchsorted(cumulative, threshold, right=True)
        tokens = tokens.clamp_(max=logits.shape[-1] - 1)
        processed = scaled.gather(1, tokens) - scaled.logsumexp(dim=-1, keepdim=True)
    raw = logits.gather(1, tokens) - logits.logsumexp(dim=-1, keepdim=True)
    return Picks(tokens.squeeze(1), raw.squeeze(1), processed.squeeze(1))
