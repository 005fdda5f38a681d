"""The columns that an imported table may have, and the types that they must fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import RequestError

Column: TypeAlias = "pa.ChunkedArray[Any]"

REQUIRED: dict[str, pa.DataType] = {
    "problem_id": pa.int64(),
    "sample_index": pa.int64(),
    "mean_logprob": pa.float64(),  # nats per token; may be empty
    "correct": pa.bool_(),
    "speedup": pa.float64(),  # empty or 0 where incorrect
}

OPTIONAL: dict[str, pa.DataType] = {
    "level": pa.int32(),
    "n_tokens": pa.int64(),
    "sum_logprob": pa.float64(),
    "logprob_mode": pa.string(),
    "source": pa.string(),
    "name": pa.string(),  # of the problem
    "status": pa.string(),
    "fast_1": pa.bool_(),
    "speedup_low": pa.float64(),
    "speedup_high": pa.float64(),
    "runtime_ms": pa.float64(),
    "reference_ms": pa.float64(),
    "device": pa.string(),
}

DEFAULT_LEVEL = 1
"""Rows without a level are of KernelBench's first."""

_WORDS: dict[pa.DataType, str] = {
    pa.int64(): "whole numbers",
    pa.int32(): "whole numbers",
    pa.float64(): "numbers",
    pa.bool_(): "true or false",
    pa.string(): "text",
}


def known(names: Iterable[str]) -> list[str]:
    """Those of the names that are taken."""
    return [name for name in names if name in REQUIRED or name in OPTIONAL]


def read_as(*, boolean: pa.DataType) -> dict[str, pa.DataType]:
    """Column types to read text as: left to readers, they would follow the first block's rows."""
    types: dict[str, pa.DataType] = {}
    for name, wanted in (REQUIRED | OPTIONAL).items():
        if pa.types.is_string(wanted):
            types[name] = pa.string()
        else:
            types[name] = boolean if pa.types.is_boolean(wanted) else pa.float64()
    return types


def check_names(names: Collection[str], file: str) -> None:
    """Raise RequestError for a missing column, or one that is there twice."""
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise RequestError(
            f"{file} has no column {', '.join(map(repr, missing))}; "
            f"needed are {', '.join(REQUIRED)}, taken too are {', '.join(OPTIONAL)}"
        )
    listed = list(names)
    twice = [name for name in listed if listed.count(name) > 1]
    if twice:
        raise RequestError(f"{file} has column {twice[0]!r} more than once; rename or drop one")


def conform(table: pa.Table, file: str) -> pa.Table:
    """The known columns in their types, absent optional ones as nulls.

    NaN becomes null. Raises RequestError for a column of another type.
    """
    columns: dict[str, Column] = {}
    for name, wanted in (REQUIRED | OPTIONAL).items():
        if name not in table.column_names:
            columns[name] = _absent(len(table), wanted)
            continue
        try:
            columns[name] = _cast(table[name], wanted)
        except pa.ArrowException as error:
            raise RequestError(
                f"column {name!r} of {file} must be {_WORDS[wanted]}: {str(error).splitlines()[0]}"
            ) from error
    return pa.table(columns)


def _absent(length: int, wanted: Any) -> Column:
    return pa.chunked_array([pa.repeat(pa.scalar(None, wanted), length)])


def _cast(column: Column, wanted: pa.DataType) -> Column:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_boolean(wanted) and pa.types.is_floating(column.type):
        column = column.cast(pa.int64())
    cast = column.cast(wanted)
    if pa.types.is_floating(wanted):
        known: Column = pc.if_else(pc.is_nan(cast), pa.scalar(None, wanted), cast)
        return known
    return cast
