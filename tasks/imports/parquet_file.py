"""Parquet, some thousand rows at a time, and no column that unfolds beyond the limits."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.imports.limits import FOOTER_BYTES, check_table
from tasks.imports.names import Names
from tasks.opening import in_words

_ROWS_AT_ONCE = 8192
_BUFFER_BYTES = 1 << 20
_END = 8
"""Bytes: the footer's length, and the format's name."""


@contextmanager
def reader(file: BinaryIO, name: str, names: Names) -> Iterator[pq.ParquetFile]:
    """The open file; its columns are added to `names`.

    Raises pyarrow's errors, ValueError, and RequestError for too many rows.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END))
    footer = int.from_bytes(file.read(_END)[:4], "little")
    if footer > FOOTER_BYTES and footer < size:
        raise ValueError(f"its footer has {in_words(footer)}")
    file.seek(0)
    # Equal texts are stored once: as a dictionary they are read as small as they lie there, and
    # their size is known before they are written out.
    with pq.ParquetFile(file) as described:
        texts = [
            field.name
            for field in described.schema_arrow
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        names.add(described.schema_arrow.names)
        _check(described.metadata, names.ours, name)
    file.seek(0)
    with pq.ParquetFile(
        file, read_dictionary=texts, buffer_size=_BUFFER_BYTES, pre_buffer=False
    ) as opened:
        yield opened


def batches(opened: pq.ParquetFile, wanted: Collection[str]) -> Iterator[pa.RecordBatch]:
    """The wanted ones of the columns. Raises pyarrow's errors."""
    yield from opened.iter_batches(_ROWS_AT_ONCE, columns=list(wanted), use_threads=False)


def _check(described: pq.FileMetaData, wanted: Collection[str], name: str) -> None:
    size = 0
    for group in range(described.num_row_groups):
        columns = described.row_group(group)
        for at in range(columns.num_columns):
            column = columns.column(at)
            if column.path_in_schema.split(".", 1)[0] in wanted:
                size += column.total_uncompressed_size
    check_table(name, rows=described.num_rows, size=size)
