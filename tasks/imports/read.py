"""One table from a Parquet, CSV or JSONL file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from tasks.errors import RequestError
from tasks.imports.columns import OPTIONAL, REQUIRED

_EMPTY = ["", "NaN", "nan", "NA", "null", "None"]


def _expected(*, boolean: pa.DataType | None) -> dict[str, pa.DataType]:
    """Column types to read as: left to the readers, they would follow the first block's rows."""
    types: dict[str, pa.DataType] = {}
    for name, wanted in (REQUIRED | OPTIONAL).items():
        if pa.types.is_string(wanted):
            types[name] = pa.string()
        elif not pa.types.is_boolean(wanted):
            types[name] = pa.float64()
        elif boolean is not None:
            types[name] = boolean
    return types


def _csv(path: Path) -> pa.Table:
    convert = pa.csv.ConvertOptions(
        null_values=_EMPTY,
        strings_can_be_null=True,
        # As text, since both "true" and "1" are usual; the cast understands them.
        column_types=_expected(boolean=pa.string()),
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    return pa.csv.read_csv(path, convert_options=convert, parse_options=parse)


def _jsonl(path: Path) -> pa.Table:
    parse = pa.json.ParseOptions(explicit_schema=pa.schema(_expected(boolean=None)))
    # A block must hold a whole line, and lines hold sources.
    table = pa.json.read_json(path, pa.json.ReadOptions(block_size=16 << 20), parse)
    # A column that the schema names and the file lacks comes back as nulls.
    with path.open(encoding="utf-8") as lines:
        first = json.loads(next(lines, "{}"))
    absent = [
        name
        for name in table.column_names
        if name not in first and table[name].null_count == len(table)
    ]
    return table.drop_columns(absent)


def _parquet(path: Path) -> pa.Table:
    # Not as a dataset: a directory named run_id=… above the file is not a column of it.
    with pa.parquet.ParquetFile(path) as file:
        return file.read()


_READERS: dict[str, Callable[[Path], pa.Table]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
}


def read_table(path: Path) -> pa.Table:
    """All rows of the file. Raises RequestError: no file, another format, unreadable, empty."""
    reader = _READERS.get(path.suffix.lower())
    if not path.is_file():
        raise RequestError(f"no file {path}; name a Parquet, CSV or JSONL file")
    if reader is None:
        raise RequestError(f"{path.name} is none of {', '.join(_READERS)}; convert or rename it")
    try:
        table = reader(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(f"{path.name} cannot be read as {path.suffix}: {reason}") from error
    if not len(table):
        raise RequestError(f"{path.name} has no rows; export it again")
    return table
