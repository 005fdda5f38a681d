"""Loss on examples that training never draws: per token, and per problem and mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from tasks.policies.embedded.train.batches import IGNORED, Encoded, collate


@dataclass(frozen=True)
class HeldOut:
    """Nats. `by_problem` maps "PROBLEM_ID/MODE", with "/BACKEND" behind it
    for others than cpp, to nats per token."""

    per_token: float
    per_example: float
    by_problem: dict[str, float]


@torch.no_grad()
def held_out_loss(model: Any, examples: Sequence[Encoded], device: torch.device) -> HeldOut:
    """Cross-entropy of the completions under `model`."""
    loss: dict[str, float] = defaultdict(float)
    tokens: dict[str, int] = defaultdict(int)
    ordered = sorted(examples, key=lambda one: len(one.ids))
    for start in range(0, len(ordered), 32):
        group = ordered[start : start + 32]
        batch = collate(group)
        logits = model(input_ids=batch.ids.to(device)).logits[:, :-1].float()
        targets = batch.labels[:, 1:].to(device)
        each = F.cross_entropy(
            logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none"
        ).sum(dim=1)
        for one, nats in zip(group, each.tolist(), strict=True):
            key = f"{one.problem_id}/{one.mode}"
            key += "" if one.backend == "cpp" else f"/{one.backend}"
            loss[key] += nats
            tokens[key] += len(one.ids) - one.n_prompt
    total = sum(loss.values())
    order = sorted(loss, key=lambda key: (int(key.split("/")[0]), key))
    return HeldOut(
        per_token=total / sum(tokens.values()),
        per_example=total / len(examples),
        by_problem={key: round(loss[key] / tokens[key], 4) for key in order},
    )
