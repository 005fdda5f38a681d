"""What the steps of one sweep share while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from storage import Lake
from tasks.evaluate.claims import Claims
from tasks.evaluate.pool import JudgePool
from tasks.policies.base import Sample
from tasks.problems import Problem


class Progress(Protocol):
    """Told of every finished candidate, from any thread."""

    def advance(self, stage: str, count: int = 1) -> None: ...


class Sampler(Protocol):
    """The part of a policy that a shard needs (see tasks.sample.actor.PolicyHandle)."""

    def sample(self, problem: Problem, seeds: Sequence[int]) -> tuple[list[Sample], float]: ...


@dataclass(frozen=True)
class Sweep:
    """One run in progress: where it writes, who draws and who judges."""

    run_id: str
    lake: Lake
    seed: int
    policy_id: str
    policy: Sampler
    judges: JudgePool
    progress: Progress
    claims: Claims = field(default_factory=Claims)
