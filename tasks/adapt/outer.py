"""The rounds of the outer loop: one adapter learns from batches of many problems, and is looked at
now and then on others, which are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.adapt.rounds import Drawing, Rounds, drawing
from tasks.adapt.units import Unit
from tasks.problems import Problem


@dataclass(frozen=True, kw_only=True)
class OuterRounds(Rounds):
    """Those of `bon train`. In round 0 the base arm draws, for all arms; later each arm's one unit.

    `method.group` draws of each problem of the round's batch are what the next step learns from;
    the last round has none. Held-out problems get `method.confirm` draws at checkpoints: fresh, and
    outside of every budget. held_out: none of them is one of a unit. batch: problems of a step.
    every: steps from checkpoint to checkpoint.
    """

    train: Sequence[Problem]
    held_out: Sequence[Problem]
    batch: int
    every: int
    seed: int

    def drawings(self, unit: Unit | None, round_: int) -> list[Drawing]:
        if (unit is None) != (round_ == 0):
            return []
        found = []
        if round_ < self.last:
            batch = batch_of(self.train, self.batch, self.seed, round_)
            found.append(drawing(unit, round_, "round", self.method.group, batch))
        if round_ % self.every == 0 or round_ == self.last:
            found.append(drawing(unit, round_, "confirm", self.method.confirm, self.held_out))
        return found


def batch_of(problems: Sequence[Problem], size: int, seed: int, round_: int) -> tuple[Problem, ...]:
    """The problems of a round, `size` of them, in the order of `problems`.

    Epoch after epoch all are shuffled and dealt out; where they do not divide evenly, the rest of
    an epoch is left over. A round's batch hangs on nothing but the arguments, so a run that goes
    on, or further, goes on with the same.
    """
    per_epoch = len(problems) // size
    epoch, place = divmod(round_, per_epoch)

    def rank(problem: Problem) -> str:
        key = f"{seed}/{epoch}/{problem.level}/{problem.problem_id}/{problem.problem_hash}"
        return hashlib.sha256(key.encode()).hexdigest()

    shuffled = sorted(problems, key=rank)
    chosen = set(shuffled[place * size : (place + 1) * size])
    return tuple(one for one in problems if one in chosen)
