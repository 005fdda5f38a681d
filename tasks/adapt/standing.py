"""Where every unit stands: which steps were made, and under which weights it draws next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage import Lake
from tasks.adapt.adapters import checkpoint_of, is_gone
from tasks.adapt.checkpoint import Checkpoint
from tasks.adapt.units import Unit

Row = Mapping[str, Any]

_STEPS = """
    SELECT * FROM train_steps
    QUALIFY row_number() OVER (PARTITION BY arm, unit, step ORDER BY sequence DESC NULLS LAST) = 1
"""
_CHECKPOINTS = """
    SELECT * FROM checkpoints
    QUALIFY row_number() OVER (PARTITION BY arm, unit, step ORDER BY sequence DESC NULLS LAST) = 1
"""


@dataclass(frozen=True)
class Standing:
    """A unit after some steps.

    checkpoint: the weights it draws under, None for the base model's. policy_id: of the policy that
    draws under them, None for the base model's. ended: why it draws no more, None if it does.
    """

    checkpoint: Checkpoint | None = None
    policy_id: str | None = None
    ended: str | None = None


class Made:
    """All steps that a run holds."""

    def __init__(self, lake: Lake, run_id: str, patience: int) -> None:
        """patience: a unit ends with so many steps without a signal, one after the other."""
        self._lake = lake
        self._patience = patience
        self._steps = _by_place(lake.sql(_STEPS, [run_id]).to_pylist())
        self._checkpoints = _by_place(lake.sql(_CHECKPOINTS, [run_id]).to_pylist())

    def step(self, unit: Unit, step: int) -> Row | None:
        """The row of one step; None if it has not been made."""
        return self._steps.get((unit.arm, unit.name, step))

    def owes(self, unit: Unit, step: int) -> bool:
        """Whether a step is to be made (again) from draws that are there."""
        before = self.at(unit, step - 1)
        if before is None or before.ended:
            return False
        return self.step(unit, step) is None or self.lost(unit, step)

    def at(self, unit: Unit, step: int) -> Standing | None:
        """Where the unit stands once step `step` (0: none) has been made; None before that.

        A unit that has ended stands where it ended, whatever the step.
        """
        standing, idle = Standing(), 0
        for number in range(1, step + 1):
            row = self.step(unit, number)
            if row is None:
                return None
            status = row["status"]
            idle = idle + 1 if status == "no_signal" else 0
            if status == "done":
                standing = self._arrived(unit, number, standing)
            elif status != "no_signal" or idle >= self._patience:
                return Standing(standing.checkpoint, standing.policy_id, status)
        return standing

    def passed(self, unit: Unit, step: int) -> list[Checkpoint]:
        """The checkpoints that the unit drew under by step `step`, oldest first."""
        found: list[Checkpoint] = []
        for number in range(1, step + 1):
            standing = self.at(unit, number)
            if standing is None or standing.checkpoint is None:
                continue
            if not found or found[-1] != standing.checkpoint:
                found.append(standing.checkpoint)
        return found

    def lost(self, unit: Unit, step: int) -> bool:
        """Whether the folder of a step's checkpoint is gone."""
        row = self.step(unit, step)
        if row is None or row["status"] != "done":
            return False
        return is_gone(self._lake, self._checkpoints[(unit.arm, unit.name, step)]["path"])

    def _arrived(self, unit: Unit, step: int, before: Standing) -> Standing:
        row = self._checkpoints[(unit.arm, unit.name, step)]
        number = before.checkpoint.step + 1 if before.checkpoint else 1
        return Standing(checkpoint_of(self._lake, row, number), row["policy_id"])


def _by_place(rows: list[dict[str, Any]]) -> dict[tuple[str, str, int], Row]:
    return {(row["arm"], row["unit"], row["step"]): row for row in rows}
