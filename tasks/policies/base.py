"""What every source of samples offers, whatever stands behind it: transformers, vLLM, a server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

from tasks.errors import RequestError
from tasks.problems.base import Problem

LogprobMode = Literal["raw_logprobs", "processed_logprobs"]
"""vLLM's words: before or after temperature (and top-k/p). They rank samples differently."""

Mode = Literal["module", "body"]
"""`module`: a whole `ModelNew` file (KernelBench's). `body`: that of `forward` (the paper's)."""


@dataclass(frozen=True)
class SamplingParams:
    """How to draw. Part of the policy's identity: other settings are another policy."""

    temperature: float = 1.0
    max_tokens: int = 1024
    mode: Mode = "module"
    backend: str = "cpp"
    logprob_mode: LogprobMode = "raw_logprobs"


@dataclass(frozen=True)
class Sample:
    """One completion with the log-probabilities of its own tokens (nats), end token included."""

    completion: str
    source: str
    """The module that is judged: extracted from the completion, scaffolded in `body` mode."""
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    logprob_mode: LogprobMode
    n_prompt_tokens: int
    finish_reason: Literal["stop", "length"]

    @property
    def sum_logprob(self) -> float:
        return float(sum(self.logprobs))

    @property
    def mean_logprob(self) -> float | None:
        return self.sum_logprob / len(self.logprobs) if self.logprobs else None


class Policy(Protocol):
    """A model with its adapter and sampling settings."""

    @property
    def policy_id(self) -> str:
        """Hash over weights, tokenizer, template and sampling settings."""
        ...

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        """One sample per seed, in order. The same seeds in the same call give the same samples."""
        ...


PolicyFactory = Callable[[str, SamplingParams], Policy]
"""Takes what follows the colon in `--policy NAME:ARGUMENT`, and the sampling settings."""

_FACTORIES: dict[str, PolicyFactory] = {}


def register_policy(name: str) -> Callable[[PolicyFactory], PolicyFactory]:
    """Make `--policy NAME[:ARGUMENT]` known."""

    def keep(factory: PolicyFactory) -> PolicyFactory:
        _FACTORIES[name] = factory
        return factory

    return keep


def check_policy(spec: str) -> None:
    """Raise RequestError if no such policy is registered; loads nothing."""
    name = spec.partition(":")[0]
    if name not in _FACTORIES:
        raise RequestError(f"no policy {spec!r}; known: {', '.join(sorted(_FACTORIES))}")


def load_policy(spec: str, params: SamplingParams) -> Policy:
    """The policy that `--policy SPEC` names, weights loaded."""
    check_policy(spec)
    name, _, argument = spec.partition(":")
    return _FACTORIES[name](argument, params)


def policy_hash(name: str, content: bytes, params: SamplingParams) -> str:
    """`name-` and 12 hex digits over content and settings, in a stable order."""
    digest = hashlib.sha256(content)
    digest.update(repr(sorted(asdict(params).items())).encode())
    return f"{name}-{digest.hexdigest()[:12]}"


def sample_seed(run_seed: int, problem: Problem, sample_index: int) -> int:
    """The seed of one draw: 63 bits from (run seed, level, problem id, sample index)."""
    key = f"{run_seed}/{problem.level}/{problem.problem_id}/{sample_index}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
