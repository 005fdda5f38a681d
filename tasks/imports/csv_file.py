"""CSV, block by block, as text: what it means, `cells` decides."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from tasks.imports.limits import COLUMNS, LINE_BYTES

_HEADER_BYTES = 1 << 20
_SEPARATORS = ",;\t|"


def header(file: BinaryIO) -> tuple[list[str], str]:
    """The names in the first line, and the sign between them. Raises ValueError, csv.Error."""
    file.seek(0)
    raw = file.read(_HEADER_BYTES)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16; save it as UTF-8")
    head = raw.decode("utf-8-sig", errors="replace")
    line = head.partition("\n")[0]
    # Quoted names may hold any of them: the one that names the most columns separates.
    separator = max(_SEPARATORS, key=lambda sign: len(_split(line, sign)))
    found = _split(head, separator)
    if not found:
        raise ValueError("its first line names no columns")
    if len(found) > COLUMNS or len(line) == _HEADER_BYTES:
        raise ValueError(f"its first line is longer than a header of {COLUMNS:,} names")
    return found, separator


def batches(file: BinaryIO, separator: str, wanted: Collection[str]) -> Iterator[pa.RecordBatch]:
    """The wanted ones of the columns, as text. Raises pyarrow's errors."""
    convert = pa.csv.ConvertOptions(
        null_values=["", "NaN", "nan", "NA", "null", "None"],
        strings_can_be_null=True,
        column_types=dict.fromkeys(wanted, pa.string()),
        include_columns=list(wanted),
    )
    parse = pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    read = pa.csv.ReadOptions(block_size=LINE_BYTES, use_threads=False)
    # By a name of the open file: of a Python object, its threads would outlive an error.
    with pa.csv.open_csv(f"/dev/fd/{file.fileno()}", read, parse, convert) as reader:
        yield from reader


def _split(text: str, separator: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
