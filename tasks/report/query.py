"""The report's SQL: one file per exhibit, shown beside the numbers that it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FOLDER = files("tasks.report") / "sql"


@dataclass(frozen=True, slots=True)
class Query:
    """A query that a reader can paste into `bon sql`: the run ids stand in it as literals."""

    name: str
    text: str


def query(name: str, run_ids: Sequence[str]) -> Query:
    """`sql/NAME.sql` with `$runs` replaced by the ids, quoted.

    Text rather than bound parameters, because the page prints the very text that was executed.
    """
    literals = ", ".join("'" + run_id.replace("'", "''") + "'" for run_id in run_ids)
    return Query(name, _template(name).replace("$runs", literals))


def names() -> tuple[str, ...]:
    """Every query of the report, by name."""
    found = (entry.name for entry in _FOLDER.iterdir() if entry.name.endswith(".sql"))
    return tuple(sorted(name.removesuffix(".sql") for name in found))


@cache
def _template(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8").strip() + "\n"
