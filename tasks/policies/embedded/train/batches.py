"""From the endless corpus to batches: any step can be reached again without the ones before it.

The stream is cut into *pools*, each from its own seed: workers can write pools in any order, and a
resumed training starts at the pool where it stopped. Inside a pool, texts of similar length share a
batch, which leaves little padding.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice

import torch
from tokenizers import Tokenizer
from torch import Tensor

from tasks.policies.base import SamplingParams
from tasks.policies.embedded import TEMPLATE
from tasks.policies.embedded.corpus import Example, generate
from tasks.policies.embedded.train.tokenizer import END_ID
from tasks.policies.prompt import read_template, render

IGNORED = -100
"""Label of a position without loss: torch's own convention."""

HELD_OUT = 1 << 40
"""Seeds from here on are never trained on."""


@dataclass(frozen=True)
class Encoded:
    """One example: prompt ids, then completion ids with the end token."""

    problem_id: int
    mode: str
    n_prompt: int
    ids: tuple[int, ...]
    backend: str = "cpp"


@dataclass(frozen=True)
class Batch:
    """ids, labels: (rows, length) int64, padded on the right. n_targets: labels that count."""

    ids: Tensor
    labels: Tensor
    n_targets: int


def prompt_of(example: Example) -> str:
    """The prompt exactly as the policy will render it."""
    return render(
        read_template(TEMPLATE),
        SamplingParams(mode=example.mode, backend=example.backend),  # type: ignore[arg-type]
        level=example.level,
        problem_id=example.problem_id,
        name=example.name,
        source="",
    )


def encode(tokenizer: Tokenizer, example: Example) -> Encoded:
    """Prompt and completion are split apart, as sampling does: no token spans the border."""
    prompt = tokenizer.encode(prompt_of(example)).ids
    completion = tokenizer.encode(example.text).ids
    return Encoded(
        example.problem_id,
        example.mode,
        len(prompt),
        (*prompt, *completion, END_ID),
        example.backend,
    )


def pool(tokenizer: Tokenizer, seed: int, examples: int, backend: str = "cpp") -> list[Encoded]:
    """The first `examples` of the stream with this seed, encoded."""
    return [encode(tokenizer, example) for example in islice(generate(seed, backend), examples)]


def batches_of(members: list[Encoded], tokens: int, seed: int) -> list[Batch]:
    """Batches of about `tokens` positions, similar lengths together, in an order from the seed."""
    rng = random.Random(seed)
    ordered = sorted(members, key=lambda one: (len(one.ids), rng.random()))
    groups: list[list[Encoded]] = [[]]
    for one in ordered:
        if groups[-1] and (len(groups[-1]) + 1) * len(one.ids) > tokens:
            groups.append([])
        groups[-1].append(one)
    rng.shuffle(groups)
    return [collate(group) for group in groups]


def collate(group: list[Encoded]) -> Batch:
    """Causal attention never looks right, so padding there needs no mask."""
    length = max(len(one.ids) for one in group)
    ids = torch.zeros(len(group), length, dtype=torch.int64)
    labels = torch.full((len(group), length), IGNORED)
    for row, one in enumerate(group):
        end = len(one.ids)
        ids[row, :end] = torch.tensor(one.ids)
        labels[row, one.n_prompt : end] = ids[row, one.n_prompt : end]
    return Batch(ids, labels, int((labels != IGNORED).sum()))


class Pools:
    """Pools from `first` on, in order; written ahead by `workers` processes (0: in this one)."""

    def __init__(
        self, tokenizer: Tokenizer, seed: int, examples: int, workers: int, backend: str = "cpp"
    ) -> None:
        self._tokenizer, self._examples, self._workers = tokenizer, examples, workers
        self._backend = backend
        self._base = seed << 20

    def seed(self, index: int) -> int:
        return self._base + index

    def iterate(self, first: int) -> Generator[tuple[int, list[Encoded]]]:
        if not self._workers:
            while True:
                seed = self.seed(first)
                yield first, pool(self._tokenizer, seed, self._examples, self._backend)
                first += 1
        with ProcessPoolExecutor(
            self._workers, initializer=_start_worker, initargs=(self._tokenizer.to_str(),)
        ) as executor:
            ahead: deque[Future[list[Encoded]]] = deque()
            upcoming = first
            try:
                while True:
                    while len(ahead) < 3 * self._workers:
                        seed = self.seed(upcoming)
                        task = executor.submit(_work, seed, self._examples, self._backend)
                        ahead.append(task)
                        upcoming += 1
                    yield first, ahead.popleft().result()
                    first += 1
            finally:
                executor.shutdown(wait=False, cancel_futures=True)


_worker_tokenizer: Tokenizer | None = None


def _start_worker(serialized: str) -> None:
    global _worker_tokenizer
    _worker_tokenizer = Tokenizer.from_str(serialized)


def _work(seed: int, examples: int, backend: str) -> list[Encoded]:
    assert _worker_tokenizer is not None
    return pool(_worker_tokenizer, seed, examples, backend)
