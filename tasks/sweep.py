"""What the steps of one sweep share while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from storage import Lake
from tasks.evaluate.claims import Claims
from tasks.evaluate.pool import JudgePool
from tasks.evaluate.refusals import Refusals
from tasks.problems import Problem
from tasks.sample.actor import Drawn


class Progress(Protocol):
    """Told of every finished candidate, from any thread."""

    def advance(self, stage: str, count: int = 1) -> None: ...


class Sampler(Protocol):
    """The part of a policy that a shard needs (see tasks.sample.actor.PolicyHandle)."""

    def stream(self, problem: Problem, seeds: Sequence[int]) -> Iterator[Drawn]: ...


@dataclass(frozen=True, kw_only=True)
class Draws:
    """One run in progress, as far as sampling goes: where it writes and who draws."""

    run_id: str
    lake: Lake
    seed: int
    policy_id: str
    policy: Sampler
    progress: Progress
    arm: Mapping[str, object] = field(default_factory=dict)
    """Where the draws stand in a run of several arms: columns of `candidates`, none in a sweep."""


@dataclass(frozen=True, kw_only=True)
class Sweep(Draws):
    """One run in progress: where it writes, who draws and who judges."""

    judges: JudgePool
    claims: Claims = field(default_factory=Claims)
    refusals: Refusals = field(default_factory=Refusals)
    command: str = "sweep"
    """Of `bon`: goes on with the run."""
