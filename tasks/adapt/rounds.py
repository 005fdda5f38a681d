"""Who draws what in each round of a run whose arms learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.adapt.method import Method
from tasks.adapt.numbering import Purpose
from tasks.adapt.units import Unit, base_shards
from tasks.plan import Shard
from tasks.problems import Problem


@dataclass(frozen=True)
class Drawing:
    """What is drawn under one checkpoint for one purpose. unit: None for the base arm."""

    unit: Unit | None
    purpose: Purpose
    shards: list[Shard]


@dataclass(frozen=True)
class Rounds:
    """Those of `bon adapt`: every unit draws of all its problems in each round, and the base arm of
    all problems.

    last: the round after which nothing is learned.
    """

    problems: Sequence[Problem]
    """All that anything is drawn of."""
    units: Sequence[Unit]
    method: Method
    last: int

    def drawings(self, unit: Unit | None, round_: int) -> list[Drawing]:
        """What a unit (from round 1) or the base arm (None) draws in a round, while it goes on."""
        return [
            drawing(unit, round_, purpose, draws, unit.problems if unit else self.problems)
            for purpose, draws in self.method.draws.items()
        ]


def drawing(
    unit: Unit | None, round_: int, purpose: Purpose, draws: int, problems: Sequence[Problem]
) -> Drawing:
    """So many draws of each of these problems."""
    if unit is None:
        return Drawing(None, purpose, base_shards(problems, round_, draws, purpose))
    return Drawing(unit, purpose, unit.shards(round_, draws, purpose, problems))
