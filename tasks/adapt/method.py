"""How arms learn."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.adapt.trainers.base import StepSpec


@dataclass(frozen=True)
class Method:
    """What cannot change within a run.

    group: G, draws of a problem in one step. reward, step_size, mismatch: by name. patience: see
    tasks.adapt.standing.
    """

    group: int
    reward: str
    spec: StepSpec
    patience: int
