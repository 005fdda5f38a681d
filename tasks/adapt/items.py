"""What a gradient step is made from: draws, their log-probabilities when drawn, and advantages."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from tasks.statistics.arrays import Floats


@dataclass(frozen=True, order=True)
class DrawKey:
    """Which row of `candidates` it is."""

    run_id: str
    suite: str
    level: int
    problem_id: int
    sample_index: int


@dataclass(frozen=True)
class TrainItem:
    """One draw. Only the tokens of its completion carry loss."""

    draw: DrawKey
    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    """Of the completion, end token included."""
    behaviour: tuple[float, ...]
    """Log-probability of each token when it was drawn, nats, at `StepSpec.temperature`."""
    advantages: tuple[float, ...]
    """One per token."""

    def __post_init__(self) -> None:
        lengths = {len(self.tokens), len(self.behaviour), len(self.advantages)}
        if len(lengths) != 1 or not self.tokens or not self.prompt:
            raise ValueError(
                f"{self.draw}: a prompt, and a token, log-probability and advantage each, at least "
                f"one; got {len(self.prompt)} in the prompt, {len(self.tokens)} tokens, "
                f"{len(self.behaviour)} log-probabilities and {len(self.advantages)} advantages"
            )
        if not np.isfinite(self.behaviour).all() or not np.isfinite(self.advantages).all():
            raise ValueError(f"{self.draw}: a log-probability or an advantage is not finite")


def check_items(items: Sequence[TrainItem]) -> None:
    """Raises ValueError unless a step can be made of them: some, and no draw twice."""
    if not items:
        raise ValueError("a step of no items")
    if len({item.draw for item in items}) != len(items):
        raise ValueError("a draw comes twice among the items of a step")


def train_items(
    draws: Sequence[DrawKey],
    prompt: Sequence[int],
    tokens: Sequence[Sequence[int]],
    behaviour: Sequence[Sequence[float]],
    advantages: Sequence[Floats],
) -> list[TrainItem]:
    """Items of one group.

    advantages: one array per draw, of shape (tokens,), or () where all tokens share one.
    """
    return [
        TrainItem(
            draw,
            tuple(prompt),
            tuple(drawn),
            tuple(map(float, logprobs)),
            tuple(np.broadcast_to(np.asarray(advantage, np.float64), len(drawn)).tolist()),
        )
        for draw, drawn, logprobs, advantage in zip(
            draws, tokens, behaviour, advantages, strict=True
        )
    ]


def digest(items: Sequence[TrainItem]) -> str:
    """SHA-256 over the items in the order of their draws, whatever order they come in."""
    hashed = hashlib.sha256()
    for item in sorted(items, key=lambda one: one.draw):
        hashed.update(repr(astuple(item.draw)).encode())
        hashed.update(struct.pack(f"<q{len(item.prompt)}q", len(item.prompt), *item.prompt))
        n = len(item.tokens)
        hashed.update(struct.pack(f"<q{n}q", n, *item.tokens))
        hashed.update(struct.pack(f"<{n}d", *item.behaviour))
        hashed.update(struct.pack(f"<{n}d", *item.advantages))
    return hashed.hexdigest()
