"""The views, in the order in which they build on each other; their SQL lies in `storage/sql`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import pyarrow as pa

from storage.layout import PARTS, table_directory
from storage.listing import list_runs
from storage.place import in_object_store
from storage.schemas import TABLES
from storage.sound import Survey

VIEWS = (
    "runs_latest",
    "evaluations_latest",
    "rescores_latest",
    "results",
    "judged",
    "refused_problems",
    "problem_summary",
    "run_summary",
    "selections_latest",
    "counts",
    "claims",
    "trajectory",
    "arms",
    "budget",
)
"""Derived views; every table of the lake is a view of its own name besides."""

NUMBERS = (
    "judge_seconds",
    "judge_gpu_seconds",
    "avoids",
    "pass_at_k",
)
"""Functions of numbers and rows, in the order in which they build on each other, and the views on
them."""

MACROS = (
    *NUMBERS,
    "deepest",
    "compared",
    "best_of",
    "strategy_at_k",
    "champions",
)
"""Those, and functions over the views, in the order in which they build on each other."""

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


def statements(found: Survey, names: frozenset[str] = ALL) -> list[str]:
    """`CREATE VIEW` and `CREATE MACRO`, each behind what it builds on; of these `names` only.

    The views name the very files of a survey; its damaged runs are not among them.
    """
    tables = [
        _table_view(table, [_quoted(paths) for paths in found.alike(table)], union_by_name=False)
        for table in TABLES
        if table in names
    ]
    return tables + _derived(names)


def lasting_statements(root: Path) -> list[str]:
    """All views over whatever parts lie below `root` when they are asked, for other programs.

    A lake that is not at `root` any more is looked for where the program runs. DuckDB checks no
    part there against its seal, and passes over directories that it cannot read.

    Raises LakeDamagedError if a table's directory cannot be listed.
    """
    place = _literal(re.sub(r"([*?\[])", r"[\1]", str(root)))
    moves = not in_object_store(root)
    where = "getvariable('bon_lake')" if moves else place
    tables = []
    for table in TABLES:
        files = [f"{where} || {_literal(_below(root, table))}"] if list_runs(root, table) else []
        tables.append(_table_view(table, files, union_by_name=True))
    found = (
        "SET VARIABLE bon_lake = (\n"
        f"    SELECT if(count(*) > 0, {place}, '.') FROM glob({place} || "
        f"{_literal(_below(root, 'runs'))})\n);"
    )
    return [*([found] if moves else []), *tables, *_derived(ALL)]


def empty_statements() -> list[str]:
    """The views of a lake without a file: what columns they have."""
    return [_table_view(table, [], union_by_name=False) for table in TABLES] + _derived(ALL)


def _below(root: Path, table: str) -> str:
    return f"/{table_directory(root, table).relative_to(root)}/run_id=*/{PARTS}"


def _derived(names: frozenset[str]) -> list[str]:
    first = [macro_sql(name) for name in NUMBERS if name in names]
    views = [view_sql(name) for name in VIEWS if name in names]
    return [*first, *views, *(macro_sql(name) for name in MACROS if name in names - set(NUMBERS))]


def asks_catalogue(query: str) -> bool:
    """Whether a query asks DuckDB what there is."""
    return _CATALOGUE.search(query) is not None


def needed(query: str) -> frozenset[str]:
    """What a query names, and what that is built on: a twentieth of a second less than `ALL`.

    `ALL` if it names nothing, or asks DuckDB what there is.
    """
    todo = set() if asks_catalogue(query) else set(_named(query))
    found: set[str] = set()
    while todo:
        name = todo.pop()
        found.add(name)
        if name not in TABLES:
            todo |= _named(view_sql(name) if name in VIEWS else macro_sql(name)) - found
    return frozenset(found) or ALL


@lru_cache(maxsize=256)
def _named(text: str) -> frozenset[str]:
    # What a comment mentions is not read: a needless table would let its damage stop the query.
    return ALL.intersection(re.findall(r"\w+", re.sub(r"--[^\n]*", "", text).lower()))


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


def _table_view(table: str, groups: Sequence[str], *, union_by_name: bool) -> str:
    # The empty branch carries names and types: a table without files is an empty view, and a file
    # that an earlier release wrote with fewer columns reads as nulls there. `union_by_name` has
    # DuckDB look into every file for its columns, which costs more than a query over many files.
    typed = ", ".join(f"NULL::{sql_type(field.type)} AS {field.name}" for field in TABLES[table])
    bodies = [f"SELECT {typed} WHERE false"]
    # The run is read off the file's own directory: DuckDB's partitions would take it, and any other
    # `name=value`, from the directories above the lake, too.
    bodies += [
        "SELECT * EXCLUDE (filename), "
        r"regexp_extract(filename, '[/\\]run_id=([^/\\]*)[/\\][^/\\]*$', 1) AS run_id "
        f"FROM read_parquet([{files}], filename = true, hive_partitioning = false, "
        f"union_by_name = {str(union_by_name).lower()})"
        for files in groups
    ]
    return f"CREATE OR REPLACE VIEW {table} AS\n" + "\nUNION ALL BY NAME\n".join(bodies) + ";"


def _quoted(paths: Sequence[Path | str]) -> str:
    # Signs that mean something to SQL may stand in the path of a lake.
    return ", ".join(_literal(str(path)) for path in paths)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
