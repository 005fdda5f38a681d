"""Draws that an adaptation has yet to make: a run that was ended early is no comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.standing import Made
from tasks.adapt.units import BASE_ARM, BATCH, Unit


def owed_draws(
    lake: Lake, run_id: str, arms: Sequence[str], adapt: Mapping[str, Any], last: int
) -> int:
    """How many of those that were asked for were not made, though their unit had not ended.

    arms: the base arm first. last: the step that the run was to reach.
    """
    query = files("tasks.frontier").joinpath("owed.sql").read_text(encoding="utf-8")
    rows = lake.sql(query, [run_id]).to_pylist()
    drawn = {
        (row["arm"], row["step"], row["suite"], row["level"], row["problem_id"]): int(row["draws"])
        for row in rows
    }
    problems: list[ProblemKey] = sorted({key[2:] for key in drawn})
    made = Made(lake, run_id, int(adapt.get("patience", 1)))
    wanted = int(adapt["group"]) + int(adapt.get("tail", 0))
    missing = 0
    for number, arm in enumerate(arms):
        for problem in problems:
            name = BATCH if adapt["unit"] == BATCH else f"{problem[1]}/{problem[2]}"
            unit = Unit(arm, number, name, ())
            for step in range(0 if arm == BASE_ARM else 1, last + 1):
                if arm != BASE_ARM:
                    standing = made.at(unit, step)
                    if standing is not None and standing.ended:
                        break
                missing += max(0, wanted - drawn.get((arm, step, *problem), 0))
    return missing
