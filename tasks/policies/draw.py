"""One seed per candidate: exact draws from softmax(logits / T) that no batch mate can influence.

`generate` samples a whole batch from one global generator, so a candidate's draw would depend on
its neighbours. Here every row owns a stream of uniforms, one number per token, and a token is the
inverse of the cumulative distribution at that number. The processor then leaves the chosen token as
the only finite score, so that greedy `generate` appends exactly it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor


def uniforms(seeds: Sequence[int], steps: int) -> Tensor:
    """(rows, steps) float64 in [0, 1), row i from seeds[i] alone.

    Philox over the whole seed: torch's CPU generator would keep only its low 32 bits, and a CUDA
    generator would give another stream.
    """
    rows = [np.random.Generator(np.random.Philox(seed)).random(steps) for seed in seeds]
    return torch.from_numpy(np.stack(rows))


@dataclass
class SeededDraw:
    """A logits processor that picks each row's token and keeps the log-probabilities of the picks.

    Only the picked entries outlive a step, so memory is (rows, tokens) whatever the vocabulary.
    Rows that have ended go on being drawn until the batch ends; the caller cuts them.

    temperature: softmax(logits / temperature); 0 is greedy (the processed log-probability is then
        that of the only token allowed: 0).
    seeds: one per row.
    max_tokens: most steps that will be asked for.
    """

    temperature: float
    seeds: Sequence[int]
    max_tokens: int
    raw: list[Tensor] = field(default_factory=list)
    processed: list[Tensor] = field(default_factory=list)
    _uniforms: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """scores: (rows, vocabulary) float32 logits; overwritten, one finite entry a row stays."""
        step = len(self.raw)
        if self._uniforms is None:
            self._uniforms = uniforms(self.seeds, self.max_tokens).to(scores.device)
        if self.temperature == 0.0:
            picks = scores.argmax(dim=-1, keepdim=True)
            processed = torch.zeros_like(picks, dtype=torch.float32)
        else:
            scaled = scores / self.temperature
            # float64: over 150,000 float32 terms the cumulative sum would misplace its steps by
            # more than the probability of a rare token.
            cumulative = scaled.double().softmax(dim=-1).cumsum_(dim=-1)
            threshold = self._uniforms[:, step, None] * cumulative[:, -1:]
            picks = torch.searchsorted(cumulative, threshold, right=True)
            picks = picks.clamp_(max=scores.shape[-1] - 1)
            processed = scaled.gather(1, picks) - scaled.logsumexp(dim=-1, keepdim=True)
        raw = scores.gather(1, picks) - scores.logsumexp(dim=-1, keepdim=True)
        self.raw.append(raw.squeeze(1))
        self.processed.append(processed.squeeze(1))
        return scores.fill_(-torch.inf).scatter_(1, picks, 0.0)


@dataclass(frozen=True)
class FillerRowsStop:
    """A stopping criterion under which rows from `rows` on count as ended from the start."""

    rows: int

    def __call__(self, input_ids: Tensor, scores: object, **_: object) -> Tensor:  # noqa: ARG002
        return torch.arange(input_ids.shape[0], device=input_ids.device) >= self.rows
