"""One table from a Parquet, CSV or JSONL file, within the limits of an import."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import RequestError
from tasks.imports import csv_file, parquet_file
from tasks.imports.columns import check_names, known
from tasks.imports.jsonl_file import JsonLines
from tasks.imports.limits import FILE_BYTES, check_table
from tasks.imports.opening import opened

_FORMATS = (".parquet", ".csv", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Given:
    """What a file holds."""

    table: pa.Table
    """The columns that are known, as they were read."""
    ignored: tuple[str, ...]
    """The names of the others."""
    digest: str
    """16 hex digits over the file's content."""


def read_table(path: Path) -> Given:
    """All rows of the file.

    Raises RequestError: no file, no regular one, another format, unreadable, too large, without a
    column that is needed, empty.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        raise RequestError(f"no file {path}; name a Parquet, CSV or JSONL file")
    if suffix not in _FORMATS:
        raise RequestError(f"{path.name} is none of {', '.join(_FORMATS)}; convert or rename it")
    try:
        with opened(path, FILE_BYTES) as file:
            if os.fstat(file.fileno()).st_size == 0:  # as endless files in /proc say, too
                raise ValueError("it is empty")
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
            given = _read(file, path.name, suffix, digest)
    except (pa.ArrowException, OSError, ValueError, csv.Error) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RequestError(f"{path.name} cannot be read as {suffix}: {reason[:500]}") from error
    if not len(given.table):
        raise RequestError(f"{path.name} has no rows; export it again")
    return given


def _read(file: BinaryIO, name: str, suffix: str, digest: str) -> Given:
    names: Collection[str]
    if suffix == ".csv":
        names = csv_file.names(file)
        table = _collected(csv_file.batches(file, names), name, names)
    elif suffix == ".parquet":
        with parquet_file.reader(file, name) as source:
            names = source.schema_arrow.names
            table = _collected(parquet_file.batches(source, names), name, names)
    else:
        lines = JsonLines(file)
        table = _collected(lines.batches(), name)
        names = lines.names
        if len(table):
            check_names(names, name)
    taken = known(names)
    ignored = tuple(one for one in names if one not in taken)
    return Given(table.select(taken) if len(table) else table, ignored, digest)


def _collected(
    batches: Iterator[pa.RecordBatch], name: str, names: Collection[str] | None = None
) -> pa.Table:
    """All of them. Raises RequestError as soon as they are more than an import takes.

    names: of the columns, if they are known before a row is read.
    """
    kept: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if names is not None and len(batch):
            check_names(names, name)
        kept.append(batch)
        rows += len(batch)
        size += sum(_decoded_bytes(column) for column in batch.columns)
        check_table(name, rows=rows, size=size)
    return pa.Table.from_batches(kept) if kept else pa.table({})


def _decoded_bytes(column: pa.Array[Any]) -> int:
    """Of the column with every text written out, equal ones as often as they occur."""
    if not isinstance(column, pa.DictionaryArray):
        return column.nbytes
    texts: Any = column.dictionary
    lengths = pc.binary_length(texts).take(column.indices)
    return (pc.sum(lengths).as_py() or 0) + 4 * len(column)
