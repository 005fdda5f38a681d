"""`bon import`: a file of draws becomes a run like any other to views, strategies and report."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import duckdb

from kernels_eval.scratch import scratch_directory
from storage import Lake, layout
from storage.schemas import TABLES
from tasks.errors import RequestError
from tasks.imports.columns import DEFAULT_LEVEL
from tasks.imports.limits import PROBLEMS, too_large
from tasks.imports.read import read_table
from tasks.imports.validate import validate

_PARTS = ("problems", "evaluations", "candidates")
_MEMORY = "1500MB"


def import_results(
    path: Path,
    run_id: str,
    lake: Lake,
    *,
    suite: str = "imported",
    columns: Mapping[str, str] | None = None,
    again: bool = False,
) -> int:
    """Import a Parquet, CSV or JSONL file as run `run_id`; returns the number of candidates.

    `columns.REQUIRED` and `columns.OPTIONAL` say which columns are taken, `columns` which of the
    file's are meant (`names.parse_columns`); others are left out and noted in the run's config. A
    row of which only the draw is known (`columns.VERDICT`) becomes a draw without a verdict. The
    run's row is written last: without it the import is unfinished, and importing the same file
    again finishes it. With `again`, a run that this very file has become already is no error, and
    gets back the parts that it lacks.

    Raises RequestError for a file that cannot be read, lacks a column, contradicts itself or names
    a sample twice, and for a run that is there already; storage's RunIdInvalidError and
    RunLockedError.
    """
    path = Path(path)
    layout.check_run_id(run_id)
    given = read_table(path, columns)
    table = given.table
    part = f"import-{given.digest}"
    now = datetime.now(UTC)
    with _database() as connection, lake.run_lock(run_id):
        _check_new(lake, run_id, part, again=again)
        connection.register("given", table)
        connection.execute(
            "CREATE TEMP VIEW imported AS "
            f"SELECT * REPLACE (coalesce(level, {DEFAULT_LEVEL}) AS level) FROM given"
        )
        validate(connection, path.name, given.turned)
        _check_problems(connection, path.name)
        connection.execute(f"CREATE TEMP TABLE draws AS {_query('draws')}")
        for name in _PARTS:
            values = {"suite": suite} | ({} if name == "problems" else {"now": now})
            rows = connection.sql(_query(name), params=values).to_arrow_table()
            lake.append(name, rows, run_id=run_id, part=part)
        most = connection.sql(
            "SELECT count(*) FROM draws GROUP BY level, problem_id ORDER BY 1 DESC LIMIT 1"
        ).fetchall()[0][0]
        unused = connection.sql(_UNUSED).fetchall()[0][0]
        config = {"file": path.name, "rows": len(table), "ignored": given.ignored}
        row = {
            "created_at": now,
            "kind": "import",
            "suite": suite,
            "k": most,
            "config": json.dumps(config | {"speedups_of_incorrect": unused}),
            "versions": json.dumps({name: version(name) for name in ("duckdb", "pyarrow")}),
            "host": platform.node(),
        }
        lake.append("runs", [row], run_id=run_id, part=part)
    return len(table)


def _check_new(lake: Lake, run_id: str, part: str, *, again: bool) -> None:
    """Only what an earlier, unfinished import of this very file left may be there."""
    held = [(table, path.stem) for table in TABLES for path in lake.parts(table, run_id)]
    if again and ("runs", f"part-{part}") in held:
        return
    if any(table == "runs" for table, _ in held):
        raise RequestError(f"run {run_id!r} is in the lake already; take another --run")
    if any(stem != f"part-{part}" for _, stem in held):
        raise RequestError(
            f"run {run_id!r} holds an unfinished import of another file; take another --run"
        )


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB within its share of the memory; what it lays aside goes to the temp directory."""
    with scratch_directory("bon-import-") as scratch, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET temp_directory = $place", {"place": str(scratch)})
        connection.execute("SET threads = 2")
        yield connection


def _check_problems(connection: duckdb.DuckDBPyConnection, file: str) -> None:
    query = "SELECT count(*) FROM (SELECT DISTINCT level, problem_id FROM imported)"
    problems = connection.sql(query).fetchall()[0][0]
    if problems > PROBLEMS:
        raise too_large(file, f"has {problems:,} problems", f"up to {PROBLEMS:,}")


_UNUSED = "SELECT count(*) FROM imported WHERE NOT correct AND speedup > 0"
"""Speedups that count for nothing."""


@cache
def _query(name: str) -> str:
    return files("tasks.imports").joinpath(f"{name}.sql").read_text(encoding="utf-8")
