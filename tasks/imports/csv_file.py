"""CSV, block by block."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from tasks.imports.columns import known, read_as
from tasks.imports.limits import COLUMNS, LINE_BYTES

_EMPTY = ["", "NaN", "nan", "NA", "null", "None"]
_HEADER_BYTES = 1 << 20


def names(file: BinaryIO) -> list[str]:
    """The header's names. Raises ValueError, csv.Error."""
    file.seek(0)
    head = file.read(_HEADER_BYTES).decode("utf-8-sig", errors="replace")
    found = next(csv.reader(io.StringIO(head, newline="")), [])
    if not found:
        raise ValueError("its first line names no columns")
    if len(found) > COLUMNS or len(head.partition("\n")[0]) == _HEADER_BYTES:
        raise ValueError(f"its first line is longer than a header of {COLUMNS:,} names")
    return found


def batches(file: BinaryIO, present: Collection[str]) -> Iterator[pa.RecordBatch]:
    """The known ones of the columns. Raises pyarrow's errors."""
    convert = pa.csv.ConvertOptions(
        null_values=_EMPTY,
        strings_can_be_null=True,
        # Truth as text, since both "true" and "1" are usual; the cast understands them.
        column_types=read_as(boolean=pa.string()),
        include_columns=list(dict.fromkeys(known(present))),
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    read = pa.csv.ReadOptions(block_size=LINE_BYTES, use_threads=False)
    # By a name of the open file: of a Python object, its threads would outlive an error.
    with pa.csv.open_csv(f"/dev/fd/{file.fileno()}", read, parse, convert) as reader:
        yield from reader
