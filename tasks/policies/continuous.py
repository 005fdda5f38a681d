"""Continuous batching: a row takes up the next draw as soon as its last one has ended.

A batch that starts and ends as one runs until its longest text is done, and does most of its work
for texts that ended long before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tasks.policies.base import SamplingParams
from tasks.policies.draw import pick, uniforms
from tasks.policies.slots import Prefix, Slots


@dataclass(frozen=True)
class Drawn:
    """The tokens of one draw, an end token included, and a log-probability each.

    What comes behind an end token is no part of it.
    """

    position: int
    tokens: list[int]
    logprobs: list[float]


@dataclass(eq=False)
class Request:
    """Draws from one prompt, one a seed.

    room: most tokens of one draw.
    """

    prompt: Sequence[int]
    seeds: Sequence[int]
    room: int
    finished: list[Drawn] = field(default_factory=list)
    prefix: Prefix | None = None


@dataclass(eq=False)
class _Draw:
    request: Request
    position: int
    uniforms: Tensor
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class ContinuousBatch:
    """Draws for any number of requests, in the order in which they were asked. Not thread-safe."""

    def __init__(
        self, model: Any, rows: int, params: SamplingParams, end_ids: frozenset[int]
    ) -> None:
        self._slots = Slots(model, rows)
        self._params = params
        self._end_ids = end_ids
        self._device = model.device
        self._waiting: deque[_Draw] = deque()
        self._drawing: list[_Draw | None] = [None] * rows
        self._logits: Tensor | None = None

    def add(self, request: Request) -> None:
        """Queue a request; its draws come into `request.finished`."""
        for position, seed in enumerate(request.seeds):
            self._waiting.append(_Draw(request, position, uniforms(seed, request.room)))

    @property
    def busy(self) -> bool:
        """Whether draws are waiting or under way."""
        return bool(self._waiting) or any(self._drawing)

    def advance(self, request: Request) -> list[Drawn]:
        """What has finished of a request since it was asked last; draws on if nothing has."""
        if not request.finished:
            self.step()
        finished, request.finished = request.finished, []
        return finished

    def drop(self, request: Request) -> None:
        """Forget what has not been drawn of a request."""
        self._waiting = deque(draw for draw in self._waiting if draw.request is not request)
        for row, draw in enumerate(self._drawing):
            if draw is not None and draw.request is request:
                self._free(row)

    @torch.inference_mode()
    def step(self) -> None:
        """One token more for every draw under way."""
        self._take_up()
        assert self._logits is not None, "a step without a draw"
        uniform = [0.0 if d is None else float(d.uniforms[len(d.tokens)]) for d in self._drawing]
        picks = pick(
            self._logits,
            torch.tensor(uniform, dtype=torch.float64, device=self._device),
            self._params.temperature,
        )
        raw = self._params.logprob_mode == "raw_logprobs"
        logprobs = (picks.raw if raw else picks.processed).tolist()
        for row, token in enumerate(picks.tokens.tolist()):
            draw = self._drawing[row]
            if draw is None:
                continue
            draw.tokens.append(token)
            draw.logprobs.append(logprobs[row])
            if token in self._end_ids or len(draw.tokens) == draw.request.room:
                draw.request.finished.append(Drawn(draw.position, draw.tokens, draw.logprobs))
                self._free(row)
        if any(self._drawing):
            try:
                self._logits = self._slots.step(picks.tokens)
            except BaseException:
                self._begin_anew()
                raise

    def _take_up(self) -> None:
        for row, draw in enumerate(self._drawing):
            if draw is not None or not self._waiting:
                continue
            new = self._waiting[0]
            if new.request.prefix is None:
                new.request.prefix = self._slots.read(new.request.prompt)
            prefix = new.request.prefix
            self._slots.begin(row, prefix)
            if self._logits is None:
                self._logits = prefix.logits.repeat(len(self._drawing), 1)
            self._logits[row] = prefix.logits[0]
            self._drawing[row] = self._waiting.popleft()

    def _begin_anew(self) -> None:
        """What was under way starts from its prompt: nobody knows how far its rows got."""
        for row, draw in enumerate(self._drawing):
            if draw is not None:
                self._waiting.appendleft(_Draw(draw.request, draw.position, draw.uniforms))
                self._free(row)

    def _free(self, row: int) -> None:
        self._drawing[row] = None
        self._slots.end(row)
