"""What a probe scores: draws with their tokens and verdicts, by problem."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.units import BASE_ARM
from tasks.errors import RequestError

Row = dict[str, Any]


@dataclass(frozen=True)
class Draws:
    """Draws of one run, by problem, as `draws.sql` gives them. run: whose they are."""

    run: str
    rows: dict[ProblemKey, list[Row]]

    @property
    def all(self) -> list[Row]:
        return [row for own in self.rows.values() for row in own]


def fixed_draws(lake: Lake, run: str, problems: Collection[ProblemKey]) -> Draws:
    """A run's draws of the base model, whatever their purpose, of these problems.

    Raises RequestError if there are none that can be scored.
    """
    found = [row for row in _rows(lake, run) if row["arm"] in (None, BASE_ARM)]
    kept = _by_problem(found, problems)
    if not kept:
        raise RequestError(
            f"run {run!r} has no draws to probe with: none of these problems has draws of the base "
            "model that were judged and hold their tokens and log-probabilities; name another run "
            "with --draws"
        )
    return Draws(run, kept)


def own_draws(lake: Lake, run: str, problems: Collection[ProblemKey]) -> Draws:
    """All draws of a run's arms."""
    found = [row for row in _rows(lake, run) if row["arm"] is not None]
    return Draws(run, _by_problem(found, problems))


def _rows(lake: Lake, run: str) -> list[Row]:
    query = files("tasks.probe").joinpath("draws.sql").read_text(encoding="utf-8")
    return lake.sql(query, [run]).to_pylist()


def _by_problem(rows: list[Row], problems: Collection[ProblemKey]) -> dict[ProblemKey, list[Row]]:
    found: dict[ProblemKey, list[Row]] = {}
    for row in rows:
        key = (row["suite"], row["level"], row["problem_id"])
        if key in problems:
            found.setdefault(key, []).append(row)
    return found
