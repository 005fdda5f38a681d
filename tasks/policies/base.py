"""What every source of samples offers, whatever stands behind it: transformers, vLLM, a server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol, runtime_checkable

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
    """One completion with the log-probabilities of its own tokens (nats), end token included.

    A server may give fewer: no token ids, or (where the user allowed it) no log-probabilities.
    """

    completion: str
    source: str
    """The module that is judged: extracted from the completion, scaffolded in `body` mode."""
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    logprob_mode: LogprobMode
    n_prompt_tokens: int
    finish_reason: Literal["stop", "length"]
    code_span: tuple[int, int] | None = None
    """Tokens [first, last) that write the code; None without code, or if nobody can tell."""
    counted_tokens: int | None = None
    """Length in tokens, where whoever sampled counted more than it told the ids of."""

    @property
    def code_logprobs(self) -> tuple[float, ...] | None:
        """Of the tokens that write the code: no reasoning, no prose, no end token."""
        if self.code_span is None or not self.logprobs:
            return None
        return self.logprobs[slice(*self.code_span)] or None

    @property
    def n_tokens(self) -> int:
        return len(self.token_ids) if self.counted_tokens is None else self.counted_tokens

    @property
    def sum_logprob(self) -> float | None:
        return float(sum(self.logprobs)) if self.logprobs else None

    @property
    def mean_logprob(self) -> float | None:
        return float(sum(self.logprobs)) / len(self.logprobs) if self.logprobs else None


class Policy(Protocol):
    """A model with its adapter and sampling settings."""

    @property
    def policy_id(self) -> str:
        """Hash over weights, tokenizer, template and sampling settings."""
        ...

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        """One sample per seed, in order. The same seeds in the same call give the same samples."""
        ...


@runtime_checkable
class StreamingPolicy(Policy, Protocol):
    """A policy that hands out samples before the last one is done."""

    def stream(
        self, problem: Problem, seeds: Sequence[int]
    ) -> Iterator[Sequence[tuple[int, Sample]]]:
        """(position in `seeds`, sample) as they finish, several at a time where they do so.

        If it has to stop, all that finished is handed out before it raises.
        """
        ...


MANY_SHARDS = 16
"""Asked at once, they fill any batch; a flow has no more threads than these."""


@dataclass(frozen=True)
class Needs:
    """What the process that holds a policy asks for.

    shards_at_once: calls of `stream` that may run in parallel, in threads: MANY_SHARDS for whatever
        makes one batch of all it is asked.
    gpus: whole GPUs of one machine.
    max_tokens: of a completion, where neither the user nor a profile that names this policy says.
    """

    shards_at_once: int = 1
    gpus: int = 0
    max_tokens: int = 4096


PolicyFactory = Callable[[str, SamplingParams], Policy]
"""Takes what follows the colon in `--policy NAME:ARGUMENT`, and the sampling settings."""


@dataclass(frozen=True)
class _Registered:
    factory: PolicyFactory
    check: Callable[[str], object]
    needs: Callable[[str], Needs]


_REGISTERED: dict[str, _Registered] = {}


def register_policy(
    name: str,
    *,
    check: Callable[[str], object] = lambda argument: None,  # noqa: ARG005
    needs: Callable[[str], Needs] = lambda argument: Needs(),  # noqa: ARG005
) -> Callable[[PolicyFactory], PolicyFactory]:
    """Make `--policy NAME[:ARGUMENT]` known.

    check: raises RequestError for an argument that cannot be right; loads and asks nothing.
    needs: of the process that will hold the policy.
    """

    def keep(factory: PolicyFactory) -> PolicyFactory:
        _REGISTERED[name] = _Registered(factory, check, needs)
        return factory

    return keep


def check_policy(spec: str) -> None:
    """Raise RequestError if no such policy is there or its argument is wrong; loads nothing."""
    name, argument = _split(spec)
    _REGISTERED[name].check(argument)


def policy_needs(spec: str) -> Needs:
    """What the process that holds this policy asks for. Raises RequestError as `check_policy`."""
    name, argument = _split(spec)
    return _REGISTERED[name].needs(argument)


def load_policy(spec: str, params: SamplingParams) -> Policy:
    """The policy that `--policy SPEC` names, weights loaded."""
    check_policy(spec)
    name, argument = _split(spec)
    return _REGISTERED[name].factory(argument, params)


def stream_samples(
    policy: Policy, problem: Problem, seeds: Sequence[int]
) -> Iterator[Sequence[tuple[int, Sample]]]:
    """`policy.stream` where it has one, else all samples at the end."""
    if isinstance(policy, StreamingPolicy):
        yield from policy.stream(problem, seeds)
    else:
        yield list(enumerate(policy.sample(problem, seeds)))


def _split(spec: str) -> tuple[str, str]:
    name, _, argument = spec.partition(":")
    if "#" in name:  # options without an argument before them
        name, _, argument = spec.partition("#")
        argument = f"#{argument}"
    if name not in _REGISTERED:
        raise RequestError(f"no policy {spec!r}; known: {', '.join(sorted(_REGISTERED))}")
    return name, argument


def policy_hash(name: str, content: bytes, params: SamplingParams) -> str:
    """`name-` and 12 hex digits over content and settings, in a stable order."""
    digest = hashlib.sha256(content)
    digest.update(repr(sorted(asdict(params).items())).encode())
    return f"{name}-{digest.hexdigest()[:12]}"


def sample_seed(run_seed: int, problem: Problem, sample_index: int) -> int:
    """The seed of one draw: 63 bits from (run seed, level, problem id, sample index)."""
    key = f"{run_seed}/{problem.level}/{problem.problem_id}/{sample_index}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
