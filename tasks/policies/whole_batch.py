"""Batches that start and end as one, by `generate`.

For GPUs, and for models whose rows keep more than keys and values or whose attention cannot be
replaced (see slots.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessorList, StoppingCriteriaList

from tasks.policies.base import SamplingParams
from tasks.policies.continuous import Drawn
from tasks.policies.draw import pick, uniforms


@dataclass
class SeededDraw:
    """A logits processor that picks each row's token and leaves it as the only finite score, so
    that greedy `generate` appends exactly it.

    Only the picked entries outlive a step, so memory is (rows, tokens) whatever the vocabulary.
    Rows that have ended go on being drawn until the batch ends; the caller cuts them.

    uniforms: (rows, steps), a row's numbers in [0, 1).
    """

    temperature: float
    uniforms: Tensor
    raw: list[Tensor] = field(default_factory=list)
    processed: list[Tensor] = field(default_factory=list)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        """scores: (rows, vocabulary) float32 logits; overwritten."""
        picks = pick(scores, self.uniforms[:, len(self.raw)], self.temperature)
        self.raw.append(picks.raw)
        self.processed.append(picks.processed)
        return scores.fill_(-torch.inf).scatter_(1, picks.tokens[:, None], 0.0)


@dataclass(frozen=True)
class FillerRowsStop:
    """A stopping criterion under which rows from `rows` on count as ended from the start."""

    rows: int

    def __call__(self, input_ids: Tensor, scores: object, **_: object) -> Tensor:  # noqa: ARG002
        return torch.arange(input_ids.shape[0], device=input_ids.device) >= self.rows


@torch.inference_mode()
def draw_whole_batch(
    model: Any,
    prompt: Sequence[int],
    seeds: Sequence[int],
    *,
    rows: int,
    room: int,
    params: SamplingParams,
) -> list[Drawn]:
    """One draw a seed, at most `rows`, in order, all as long as the longest.

    Short batches are filled up with rows that count as ended: matrix products choose their kernels
    by shape, so only a constant shape makes a candidate's rounding independent of how many others
    are asked for (a resumed shard asks for fewer).
    """
    fillers = [0] * (rows - len(seeds))
    numbers = torch.stack([uniforms(seed, room) for seed in [*seeds, *fillers]])
    draw = SeededDraw(params.temperature, numbers.to(model.device))
    inputs = torch.tensor([list(prompt)] * rows, device=model.device)
    sequences = model.generate(
        input_ids=inputs,
        attention_mask=torch.ones_like(inputs),
        max_new_tokens=room,
        logits_processor=LogitsProcessorList([draw]),
        stopping_criteria=StoppingCriteriaList([FillerRowsStop(len(seeds))]),
    )
    tokens = sequences[: len(seeds), len(prompt) :].tolist()
    kept = draw.raw if params.logprob_mode == "raw_logprobs" else draw.processed
    logprobs = torch.stack(kept, dim=1)[: len(seeds)].tolist()
    return list(map(Drawn, range(len(seeds)), tokens, logprobs))
