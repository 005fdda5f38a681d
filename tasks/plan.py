"""What is to be done: shards of one problem × up to 64 samples, less what the lake holds."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from storage.ledger import DrawKey, ProblemKey
from tasks.problems import Problem

SHARD_SIZE = 64


@dataclass(frozen=True)
class Shard:
    """Samples of one problem that are drawn, judged and written together."""

    problem: Problem
    sample_indices: tuple[int, ...]

    @cached_property
    def part(self) -> str:
        """The name of this shard's files in the lake: the same draws, the same name."""
        digest = hashlib.sha256(repr(self.sample_indices).encode()).hexdigest()[:8]
        return f"L{self.problem.level}-{self.problem.problem_id}-{self.sample_indices[0]}-{digest}"

    @property
    def label(self) -> str:
        """How terminals and Prefect call it: level/problem[first..last]."""
        first, last = self.sample_indices[0], self.sample_indices[-1]
        return f"{self.problem.level}/{self.problem.problem_id}[{first}..{last}]"

    @property
    def problem_key(self) -> ProblemKey:
        """Its problem as the ledger names it."""
        return self.problem.key

    @property
    def keys(self) -> frozenset[DrawKey]:
        """Its draws as the ledger names them."""
        return frozenset((*self.problem_key, index) for index in self.sample_indices)

    def less(self, draws: Collection[DrawKey]) -> Shard | None:
        """The shard without `draws`; None if nothing is left."""
        problem = self.problem
        left = tuple(
            index
            for index in self.sample_indices
            if (problem.suite, problem.level, problem.problem_id, index) not in draws
        )
        return Shard(problem, left) if left else None


@dataclass(frozen=True)
class Work:
    """One shard's part in a run: what is still to be drawn, and all that is to have a verdict."""

    to_sample: Shard | None
    to_judge: Shard


def plan(
    problems: Sequence[Problem],
    k: int,
    *,
    sampled: Collection[DrawKey] = frozenset(),
    judged: Collection[DrawKey] = frozenset(),
    size: int = SHARD_SIZE,
) -> list[Work]:
    """The work left for the draws 0..k-1 of each problem, in suite order.

    Shards begin at multiples of `size`, so that a run extended to a larger K is cut the same way.
    """
    work = []
    for problem in problems:
        for start in range(0, k, size):
            shard = Shard(problem, tuple(range(start, min(start + size, k))))
            to_sample, to_judge = shard.less(sampled), shard.less(judged)
            if to_judge is not None:
                work.append(Work(to_sample, to_judge))
    return work
