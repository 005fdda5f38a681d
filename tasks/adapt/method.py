"""How arms learn."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.adapt.numbering import Purpose
from tasks.adapt.trainers.base import StepSpec


@dataclass(frozen=True)
class Method:
    """What cannot change within a run, but for `confirm`, which may grow.

    group: G, draws of a problem in one step. reward, step_size, mismatch: by name. patience: see
    tasks.adapt.standing. tail, confirm: draws of a problem under every checkpoint besides.
    """

    group: int
    reward: str
    spec: StepSpec
    patience: int
    tail: int = 0
    confirm: int = 0

    @property
    def draws(self) -> dict[Purpose, int]:
        """Of a problem under one checkpoint, by what they are for; in the order of drawing."""
        wanted: dict[Purpose, int] = {
            "round": self.group,
            "tail": self.tail,
            "confirm": self.confirm,
        }
        return {purpose: draws for purpose, draws in wanted.items() if draws}
