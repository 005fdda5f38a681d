"""The views, in the order in which they build on each other; their SQL lies in `storage/sql`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import pyarrow as pa

from storage.layout import PARTS, has_parts, run_directory, table_directory, uniform
from storage.schemas import TABLES

VIEWS = (
    "runs_latest",
    "evaluations_latest",
    "rescores_latest",
    "results",
    "judged",
    "problem_summary",
    "run_summary",
    "selections_latest",
    "counts",
)
"""Derived views; every table of the lake is a view of its own name besides."""

MACROS = ("avoids", "pass_at_k", "best_of", "strategy_at_k", "champions")
"""Functions over the views, in the order in which they build on each other."""

_SQL_TYPES: dict[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


ALL = frozenset([*TABLES, *VIEWS, *MACROS])
_CATALOGUE = re.compile(r"duckdb_|information_schema|pragma", re.IGNORECASE)


def statements(
    root: Path, run_ids: Sequence[str] | None = None, names: frozenset[str] = ALL
) -> list[str]:
    """`CREATE VIEW` for tables and derived views, then `CREATE MACRO`; of these `names` only.

    With `run_ids` only those runs' directories are listed: the cost no longer grows with the lake.
    """
    wanted = None if run_ids is None else sorted(set(run_ids))
    tables = [_table_view(root, table, wanted) for table in TABLES if table in names]
    views = [view_sql(name) for name in VIEWS if name in names]
    return tables + views + [macro_sql(name) for name in MACROS if name in names]


def needed(query: str) -> frozenset[str]:
    """What a query names, and what that is built on: a twentieth of a second less than `ALL`.

    `ALL` if it names nothing, or asks DuckDB what there is.
    """
    todo = set() if _CATALOGUE.search(query) else set(_named(query))
    found: set[str] = set()
    while todo:
        name = todo.pop()
        found.add(name)
        if name not in TABLES:
            todo |= _named(view_sql(name) if name in VIEWS else macro_sql(name)) - found
    return frozenset(found) or ALL


@lru_cache(maxsize=256)
def _named(text: str) -> frozenset[str]:
    return ALL.intersection(re.findall(r"\w+", text.lower()))


@cache
def view_sql(name: str) -> str:
    """The text of one derived view."""
    return files("storage").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").strip()


@cache
def macro_sql(name: str) -> str:
    """The text of one macro."""
    path = files("storage").joinpath("sql", "macros", f"{name}.sql")
    return path.read_text(encoding="utf-8").strip()


def sql_type(arrow_type: pa.DataType) -> str:
    """DuckDB's name for a type of the schemas."""
    if pa.types.is_list(arrow_type):
        return f"{sql_type(arrow_type.value_type)}[]"
    if pa.types.is_struct(arrow_type):
        members = (arrow_type.field(i) for i in range(arrow_type.num_fields))
        return f"STRUCT({', '.join(f'{m.name} {sql_type(m.type)}' for m in members)})"
    return _SQL_TYPES[arrow_type]


def _table_view(root: Path, table: str, run_ids: list[str] | None) -> str:
    # The empty branch carries names and types: a table without files is an empty view, and a file
    # that an earlier release wrote with fewer columns reads as nulls there.
    typed = ", ".join(f"NULL::{sql_type(field.type)} AS {field.name}" for field in TABLES[table])
    body = f"SELECT {typed} WHERE false"
    if has_parts(root, table, run_ids):
        body += (
            "\nUNION ALL BY NAME\n"
            f'SELECT * EXCLUDE ("schema") FROM read_parquet([{_patterns(root, table, run_ids)}], '
            "hive_partitioning = true, hive_types = {'run_id': VARCHAR, 'schema': VARCHAR}, "
            f"union_by_name = {'false' if uniform(root, table) else 'true'})"
        )
    return f"CREATE OR REPLACE VIEW {table} AS\n{body};"


def _patterns(root: Path, table: str, run_ids: list[str] | None) -> str:
    if run_ids is None:
        return _quoted(table_directory(root, table), f"run_id=*/{PARTS}")
    holding = [r for r in run_ids if has_parts(root, table, [r])]
    return ", ".join(_quoted(run_directory(root, table, r), PARTS) for r in holding)


def _quoted(directory: Path, pattern: str) -> str:
    # Signs that mean something to a glob or to SQL may stand in the path of a lake.
    escaped = re.sub(r"([*?\[])", r"[\1]", str(directory))
    return "'" + f"{escaped}/{pattern}".replace("'", "''") + "'"
