"""Units: what one trajectory of weights is for. One problem, or the whole batch of problems."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from storage.ledger import ProblemKey
from tasks.adapt.numbering import Purpose, draw_indices
from tasks.plan import Shard
from tasks.problems import Problem

BASE_ARM = "base"
BATCH = "batch"

Kind = Literal["problem", "batch"]


@dataclass(frozen=True)
class Unit:
    """One trajectory of one trained arm."""

    arm: str
    """The objective, as it was asked for."""
    number: int
    """The arm's place in the request, from 1."""
    name: str
    """`batch`, or level/problem_id."""
    problems: tuple[Problem, ...]

    @property
    def label(self) -> str:
        """How terminals and Prefect call it."""
        return f"{self.arm} {self.name}"

    @property
    def keys(self) -> frozenset[ProblemKey]:
        """Its problems as the ledger names them."""
        return frozenset(one.key for one in self.problems)

    def part(self, step: int) -> str:
        """The name of a step's rows in the lake."""
        return f"a{self.number}-{self.name.replace('/', '-')}-s{step}"

    def shards(
        self,
        step: int,
        draws: int,
        purpose: Purpose = "round",
        problems: Sequence[Problem] | None = None,
    ) -> list[Shard]:
        """What it draws at a step, from 1, of these problems; by default of all its own."""
        indices = tuple(draw_indices(self.number, step, draws, purpose))
        drawn = self.problems if problems is None else problems
        return [Shard(problem, indices) for problem in drawn]

    def seed(self, run_seed: int, problem: Problem, step: int) -> int:
        """Of a chance that belongs to one problem's group of a step; 63 bits."""
        key = f"{run_seed}/{self.arm}/{self.name}/{problem.level}/{problem.problem_id}/{step}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1


def units_of(arms: Sequence[str], problems: Sequence[Problem], kind: Kind) -> list[Unit]:
    """Every trained arm's units, arm by arm. arms: objectives without the base arm."""
    groups = [(BATCH, tuple(problems))]
    if kind == "problem":
        groups = [(f"{one.level}/{one.problem_id}", (one,)) for one in problems]
    return [
        Unit(arm, number, name, members)
        for number, arm in enumerate(arms, 1)
        for name, members in groups
    ]


def base_shards(
    problems: Sequence[Problem], stage: int, draws: int, purpose: Purpose = "round"
) -> list[Shard]:
    """What the base arm draws in a stage."""
    indices = tuple(draw_indices(0, stage, draws, purpose))
    return [Shard(problem, indices) for problem in problems]
