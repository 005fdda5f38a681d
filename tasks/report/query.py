"""The report's SQL: one file per exhibit, shown beside the numbers that it made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tasks.report.rows import ProblemKey

OF_ARMS = frozenset({"steps", "regime", "trained", "training_cost"})
"""Queries of runs with arms; of others they hold nothing."""

_FOLDER = files("tasks.report") / "sql"


@dataclass(frozen=True, slots=True)
class Query:
    """A query that a reader can paste into `bon sql`: the run ids stand in it as literals."""

    name: str
    text: str


def query(name: str, run_ids: Sequence[str], shown: Collection[ProblemKey] | None = None) -> Query:
    """`sql/NAME.sql` with `$runs` replaced by the ids, quoted, and `$shown` by a condition.

    shown: the problems that the page shows one by one, where those are not all.

    Text rather than bound parameters, because the page prints the very text that was executed.
    """
    literals = ", ".join(map(_literal, run_ids))
    text = _template(name).replace("$runs", literals)
    return Query(name, text.replace("$shown", _condition(shown)))


def _condition(shown: Collection[ProblemKey] | None) -> str:
    if shown is None:
        return "true"
    keys = [f"({_literal(suite)}, {level}, {problem_id})" for suite, level, problem_id in shown]
    return f"(suite, level, problem_id) IN ({', '.join(keys)})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def names() -> tuple[str, ...]:
    """Every query of the report, by name."""
    found = (entry.name for entry in _FOLDER.iterdir() if entry.name.endswith(".sql"))
    return tuple(sorted(name.removesuffix(".sql") for name in found))


@cache
def _template(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8").strip() + "\n"
