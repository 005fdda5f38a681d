"""The embedded model, its draws of one problem, and items made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.adapt.items import DrawKey, TrainItem, train_items
from tasks.adapt.trainers.local import LocalSettings, LocalTrainer
from tasks.policies import Sample, SamplingParams, sample_seed
from tasks.policies.base import Mode
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import WEIGHTS
from tasks.policies.prompt import read_template
from tasks.problems import Problem, load_suite


def embedded(
    *, temperature: float = 1.0, mode: Mode = "body", max_tokens: int = 48
) -> CausalLMPolicy:
    """The embedded policy with processed log-probabilities; bodies of `forward` are short."""
    return CausalLMPolicy(
        name="embedded",
        path=WEIGHTS,
        params=SamplingParams(
            mode=mode,
            max_tokens=max_tokens,
            temperature=temperature,
            logprob_mode="processed_logprobs",
        ),
        template=read_template("embedded"),
        device=torch.device("cpu"),
    )


def problem(problem_id: int = 28) -> Problem:
    return load_suite("embedded").select([problem_id])[0]


@dataclass(frozen=True)
class Drawn:
    """Draws of one problem, with the tokens of their prompt."""

    problem: Problem
    prompt: list[int]
    samples: list[Sample]

    def items(
        self, advantages: Sequence[float] | None = None, *, first: int = 0
    ) -> list[TrainItem]:
        """Items with these advantages, or others that mean nothing."""
        n = len(self.samples)
        if advantages is None:
            advantages = np.random.default_rng(0).normal(size=n).tolist()
        keys = [
            DrawKey("run", self.problem.suite, 1, self.problem.problem_id, first + i)
            for i in range(n)
        ]
        return train_items(
            keys,
            self.prompt,
            [one.token_ids for one in self.samples],
            [one.logprobs for one in self.samples],
            [np.array(one) for one in advantages],
        )


def draw(policy: CausalLMPolicy, of: Problem, n: int, *, first: int = 0) -> Drawn:
    seeds = [sample_seed(11, of, first + i) for i in range(n)]
    return Drawn(of, policy.encode_prompt(of), policy.sample(of, seeds))


@pytest.fixture(scope="package", autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads of two processes on two cores stand in each other's way."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def policy() -> CausalLMPolicy:
    """Whoever gives it an adapter takes it off again."""
    return embedded()


@pytest.fixture(scope="session")
def drawn(policy: CausalLMPolicy) -> Drawn:
    return draw(policy, problem(), 12)


@pytest.fixture(scope="session")
def loaded_trainer() -> LocalTrainer:
    return LocalTrainer(LocalSettings(WEIGHTS))


@pytest.fixture
def trainer(loaded_trainer: LocalTrainer) -> LocalTrainer:
    """At the base."""
    loaded_trainer.start(None)
    return loaded_trainer


@pytest.fixture
def adapter_hash(trainer: LocalTrainer, tmp_path: Path) -> Callable[[], tuple[str, str]]:
    """Hashes of what the trainer holds: adapter, optimizer."""
    count = iter(range(100))

    def hashed() -> tuple[str, str]:
        saved = trainer.save(tmp_path / f"hashed-{next(count)}")
        return saved.sha256, saved.optimizer_sha256

    return hashed
