"""Items as tensors, in pieces of so many tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tasks.adapt.items import TrainItem


@dataclass(frozen=True)
class Piece:
    """Some items side by side, their texts padded at the end.

    ids, attention: (items, length). From position `first` on something predicts a token of a
    completion; the others are (items, length − 1 − first), column j for the token at first + 1 + j.
    """

    items: tuple[TrainItem, ...]
    ids: Tensor
    attention: Tensor
    first: int
    kept: Tensor
    """Whether the token belongs to a completion."""
    behaviour: Tensor
    advantages: Tensor

    @property
    def targets(self) -> Tensor:
        return self.ids[:, self.first + 1 :]

    def logits(self, model: Any, temperature: float) -> Tensor:
        """(items, length − 1 − first, vocabulary) float32, divided by the temperature: those that
        predict `targets`."""
        wanted = torch.arange(self.first, self.ids.shape[1] - 1, device=self.ids.device)
        out = model(
            input_ids=self.ids,
            attention_mask=self.attention,
            logits_to_keep=wanted,
            use_cache=False,
        )
        scaled: Tensor = out.logits.float() / temperature
        return scaled

    def of_targets(self, logits: Tensor) -> Tensor:
        """Log-probabilities of `targets`, nats."""
        chosen = logits.gather(2, self.targets[:, :, None]).squeeze(2)
        return chosen - logits.logsumexp(dim=2)

    def per_item(self, values: Tensor) -> list[tuple[float, ...]]:
        """The values of each item's own tokens."""
        rows = zip(values.tolist(), self.kept.tolist(), strict=True)
        return [tuple(v for v, keep in zip(*row, strict=True) if keep) for row in rows]


def pieces_of(
    items: Sequence[TrainItem], micro_tokens: int, device: torch.device
) -> Iterator[Piece]:
    """Pieces of at most so many tokens, padding included, each of one item at least.

    Alike prompts and lengths come together; the order of `items` plays no part.
    """
    ordered = sorted(items, key=lambda i: (len(i.prompt), len(i.prompt) + len(i.tokens), i.draw))
    start = 0
    while start < len(ordered):
        stop = start + 1
        while stop < len(ordered):
            longest = max(len(i.prompt) + len(i.tokens) for i in ordered[start : stop + 1])
            if longest * (stop + 1 - start) > micro_tokens:
                break
            stop += 1
        yield _piece(ordered[start:stop], device)
        start = stop


def _piece(items: Sequence[TrainItem], device: torch.device) -> Piece:
    length = max(len(item.prompt) + len(item.tokens) for item in items)
    first = min(len(item.prompt) for item in items) - 1
    shape = (len(items), length)
    ids = torch.zeros(shape, dtype=torch.long)
    attention, kept = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    behaviour, advantages = torch.zeros(shape), torch.zeros(shape)
    for row, item in enumerate(items):
        end = len(item.prompt) + len(item.tokens)
        own = slice(len(item.prompt), end)
        ids[row, :end] = torch.tensor([*item.prompt, *item.tokens])
        attention[row, :end] = 1
        kept[row, own] = True
        behaviour[row, own] = torch.tensor(item.behaviour)
        advantages[row, own] = torch.tensor(item.advantages)
    columns = slice(first + 1, None)
    return Piece(
        tuple(items),
        ids.to(device),
        attention.to(device),
        first,
        kept[:, columns].to(device),
        behaviour[:, columns].to(device),
        advantages[:, columns].to(device),
    )
