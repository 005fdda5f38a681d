"""What every column holds: for DuckDB's catalogue, and as docs/lake.md shows it.

python -m storage.dictionary        # the tables of docs/lake.md
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import duckdb

from storage.fields import comment
from storage.schemas import CANDIDATES, EVALUATIONS, TABLES
from storage.views import VIEWS, empty_statements, view_sql

RESULTS = {
    **{field.name: comment(field) for field in [*EVALUATIONS, *CANDIDATES]},
    "status": f"{comment(EVALUATIONS.field('status'))} Null: not judged yet.",
    "speedup_compiled": "Time of the reference under torch.compile over candidate time.",
    "speed_of_light": "bound_ms over runtime_ms: the share of what the memory allows.",
    "rescored_by": "The policy whose log-probabilities stand in for those that the draw lacks.",
    "judge_seconds": "Seconds that judging its source took, without the wait while others were "
    "measured: the macro `judge_seconds`.",
    "flagged": "Whether a finding is a warning.",
    "unsettled": "Correct, and the interval of its speedup holds 1: as likely noise as news.",
    "rules": "The rules of the findings.",
}
"""Of the view `results`: the draw's own columns where both tables have one of that name."""


def comments() -> Iterator[str]:
    """`COMMENT ON` for every table, view and column that says something of its own."""
    for table, schema in TABLES.items():
        for field in schema:
            yield f"COMMENT ON COLUMN {table}.{field.name} IS {_literal(comment(field))};"
    for view in VIEWS:
        yield f"COMMENT ON VIEW {view} IS {_literal(about(view))};"
    for name in result_columns():
        yield f"COMMENT ON COLUMN results.{name} IS {_literal(RESULTS[name])};"


def about(view: str) -> str:
    """The remark at the head of a view's file, on one line."""
    lines = []
    for line in view_sql(view).split("\n"):
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


@cache
def result_columns() -> tuple[str, ...]:
    """The columns of `results`, in order."""
    with duckdb.connect() as connection:
        for statement in empty_statements():
            connection.execute(statement)
        return tuple(connection.sql("SELECT * FROM results").columns)


def markdown() -> str:
    """One table of columns for each table, then `results`."""
    parts = []
    for table, schema in TABLES.items():
        rows = [
            f"| `{field.name}` | {field.type}{'' if field.nullable else ', never null'} "
            f"| {_cell(comment(field))} |"
            for field in schema
        ]
        parts.append(
            "\n".join([f"### `{table}`", "| column | type | holds |", "|---|---|---|", *rows])
        )
    rows = [f"| `{name}` | {_cell(RESULTS[name])} |" for name in result_columns()]
    head = ["### View `results`", about("results"), "", "| column | holds |", "|---|---|"]
    return "\n\n".join([*parts, "\n".join([*head, *rows])]) + "\n"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(), end="")
