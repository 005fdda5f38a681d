"""Rows become a table of the lake's schema, or a one-line error. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from storage.errors import RowsInvalidError
from storage.schemas import TABLES

Rows = Sequence[Mapping[str, object]] | pa.Table
Field: TypeAlias = "pa.Field[Any]"
Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"


def conform(table: str, rows: Rows, run_id: str) -> pa.Table:
    """The rows as a table with exactly the schema's columns, `run_id` filled in.

    Missing nullable columns become null. Raises RowsInvalidError for an unknown table or column, a
    null or missing value where the schema wants one, a value of another type, or rows of another
    run.
    """
    if table not in TABLES:
        raise RowsInvalidError(f"the lake has no table {table!r}; it has {', '.join(TABLES)}")
    schema = TABLES[table]
    given = rows.column_names if isinstance(rows, pa.Table) else list(dict.fromkeys(_keys(rows)))
    unknown = [name for name in given if name not in schema.names]
    if unknown:
        raise RowsInvalidError(
            f"table {table!r} has no column {unknown[0]!r}; it has {', '.join(schema.names)}"
        )
    try:
        columns = [_column(rows, field, given, run_id) for field in schema]
        conformed = pa.Table.from_arrays(columns, schema=schema)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise RowsInvalidError(f"rows do not fit table {table!r}: {reason}") from error
    for field in schema:
        if not field.nullable and conformed[field.name].null_count:
            raise RowsInvalidError(
                f"column {field.name!r} of table {table!r} must be given in every row"
            )
    foreign = set(conformed["run_id"].unique().to_pylist()) - {run_id}
    if foreign:
        raise RowsInvalidError(f"rows of run {foreign.pop()!r} were appended under run {run_id!r}")
    return conformed


def _keys(rows: Sequence[Mapping[str, object]]) -> list[str]:
    return [key for row in rows for key in row]


def _column(rows: Rows, field: Field, given: Sequence[str], run_id: str) -> Column:
    if field.name not in given:
        value = run_id if field.name == "run_id" else None
        filled: Column = pa.repeat(pa.scalar(value, field.type), len(rows))
        return filled
    try:
        if isinstance(rows, pa.Table):
            return rows[field.name].cast(field.type)
        listed: Column = pa.array([row.get(field.name) for row in rows], field.type)
        return listed
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"column {field.name!r}: {error}") from error
