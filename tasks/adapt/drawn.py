"""The judged draws that a step learns from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.group import Verdicts
from tasks.adapt.items import DrawKey
from tasks.adapt.units import Unit
from tasks.statistics.arrays import Floats


@dataclass(frozen=True, eq=False)
class Drawn:
    """G draws of one problem by the same weights, by their numbers.

    behaviour: log-probability of each token when it was drawn, nats. evaluations: the rows that
        `verdicts` are made of, for a teacher to be told of.
    """

    keys: tuple[DrawKey, ...]
    tokens: tuple[tuple[int, ...], ...]
    behaviour: tuple[Floats, ...]
    evaluation_ids: tuple[str, ...]
    verdicts: Verdicts
    sources: tuple[str, ...]
    evaluations: tuple[Mapping[str, object], ...]


def drawn_for(lake: Lake, run_id: str, unit: Unit, step: int) -> dict[ProblemKey, Drawn]:
    """What step `step` of a unit, from 1, learns from. Problems without a verdict are left out, and
    so are draws that have none for a reason of ours."""
    rows: dict[ProblemKey, list[dict[str, Any]]] = {}
    wanted = {"arm": unit.arm, "unit": unit.name, "made": step}
    for row in lake.sql(_query("drawn"), [run_id], wanted).to_pylist():
        key = (row["suite"], row["level"], row["problem_id"])
        if key in unit.keys:
            rows.setdefault(key, []).append(row)
    return {key: _drawn(found) for key, found in rows.items()}


def earlier_speedups(lake: Lake, run_id: str, unit: Unit, step: int) -> dict[ProblemKey, Floats]:
    """Speedups of correct draws before those, oldest first."""
    found: dict[ProblemKey, list[float]] = {}
    wanted = {"arm": unit.arm, "unit": unit.name, "made": step}
    for row in lake.sql(_query("earlier"), [run_id], wanted).to_pylist():
        key = (row["suite"], row["level"], row["problem_id"])
        found.setdefault(key, []).append(row["speedup"])
    return {key: np.array(speedups) for key, speedups in found.items()}


def _drawn(rows: list[dict[str, Any]]) -> Drawn:
    return Drawn(
        keys=tuple(
            DrawKey(
                row["run_id"], row["suite"], row["level"], row["problem_id"], row["sample_index"]
            )
            for row in rows
        ),
        tokens=tuple(tuple(row["token_ids"]) for row in rows),
        behaviour=tuple(np.array(row["logprobs"], np.float64) for row in rows),
        evaluation_ids=tuple(row["evaluation_id"] for row in rows),
        verdicts=Verdicts.of_rows(rows),
        sources=tuple(row["source"] or "" for row in rows),
        evaluations=tuple(rows),
    )


@cache
def _query(name: str) -> str:
    return files("tasks.adapt").joinpath(f"{name}.sql").read_text(encoding="utf-8")
