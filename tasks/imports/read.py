"""One table from a Parquet, CSV or JSONL file, within the limits of an import."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import RequestError
from tasks.imports import csv_file, parquet_file
from tasks.imports.cells import typed
from tasks.imports.columns import LOGPROBS, REQUIRED, completed
from tasks.imports.jsonl_file import JsonLines
from tasks.imports.limits import FILE_BYTES, check_table
from tasks.imports.names import Names
from tasks.opening import opened

_FORMATS = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Given:
    """What a file holds."""

    table: pa.Table
    """Every known column in its type, those that the file lacks as nulls."""
    taken: Mapping[str, str]
    """The file's names → ours."""
    ignored: tuple[str, ...]
    """The names of the other columns."""
    turned: Mapping[str, str]
    """See `Names.turned`."""
    digest: str
    """16 hex digits over the file's content, and over what the user said of its columns."""


def read_table(
    path: Path,
    mapped: Mapping[str, str] | None = None,
    required: Collection[str] = tuple(REQUIRED),
    aliases: Mapping[str, str] | None = None,
) -> Given:
    """All rows of the file. `mapped`: its names → ours (see `names.parse_columns`). `aliases`: what
    else ours may be called.

    Raises RequestError: no file, no regular one, another format, unreadable, too large, without a
    column that is required, with a cell that does not fit its column, with a log-probability by
    another name, empty.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        raise RequestError(f"no file {path}; name a Parquet, CSV, JSON or JSONL file")
    if suffix not in _FORMATS:
        raise RequestError(f"{path.name} is none of {', '.join(_FORMATS)}; convert or rename it")
    names = Names(path.name, mapped or {}, aliases)
    try:
        with opened(path, FILE_BYTES) as file:
            if os.fstat(file.fileno()).st_size == 0:  # as endless files in /proc say, too
                raise ValueError("it is empty")
            content = hashlib.file_digest(file, "sha256")
            table = _read(file, path.name, suffix, names, required)
    except (pa.ArrowException, OSError, ValueError, csv.Error) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RequestError(f"{path.name} cannot be read as {suffix}: {reason[:500]}") from error
    if not len(table):
        raise RequestError(f"{path.name} has no rows; export it again")
    if mapped:
        content.update(repr(sorted(mapped.items())).encode())
    whole = completed(table)
    names.check_left_out([name for name in LOGPROBS if whole[name].null_count == len(whole)])
    return Given(whole, names.ours, names.ignored, names.turned(), content.hexdigest()[:16])


def _read(
    file: BinaryIO, name: str, suffix: str, names: Names, required: Collection[str]
) -> pa.Table:
    rows = _Rows(name, names, required)
    if suffix in (".csv", ".tsv"):
        found, separator = csv_file.header(file)
        names.add(found)
        names.check_header()
        # Where a comma cannot separate cells, it may stand in a number.
        return rows.collected(csv_file.batches(file, separator, names.ours), comma=separator != ",")
    if suffix == ".parquet":
        with parquet_file.reader(file, name, names) as source:
            return rows.collected(parquet_file.batches(source, names.ours))
    return rows.collected(JsonLines(file, names).batches(), late_names=True)


@dataclass(frozen=True)
class _Rows:
    """What the readers hand out, within the limits and in the columns' types."""

    file: str
    names: Names
    required: Collection[str]

    def collected(
        self, batches: Iterator[pa.RecordBatch], *, comma: bool = False, late_names: bool = False
    ) -> pa.Table:
        """All of them. Raises RequestError as soon as they are more than an import takes.

        late_names: a column may be met behind the first batch.
        """
        kept: list[pa.Table] = []
        rows = size = 0
        for batch in batches:
            if len(batch) and not late_names:
                self.names.check(self.required)
            rows += len(batch)
            size += sum(_decoded_bytes(column) for column in batch.columns)
            check_table(self.file, rows=rows, size=size)
            kept.append(self._typed(batch, rows - len(batch) + 1, comma=comma))
        if rows and late_names:
            self.names.check(self.required)
        return pa.concat_tables(kept, promote_options="default") if kept else pa.table({})

    def _typed(self, batch: pa.RecordBatch, first_row: int, *, comma: bool) -> pa.Table:
        columns = {
            ours: typed(
                ours,
                batch.column(theirs),
                self.file,
                first_row,
                comma=comma,
                turn=self.names.negated(ours),
            )
            for theirs, ours in self.names.ours.items()
            if theirs in batch.schema.names
        }
        return pa.table(columns or {"level": pa.nulls(len(batch), pa.int32())})


def _decoded_bytes(column: pa.Array[Any]) -> int:
    """Of the column with every text written out, equal ones as often as they occur."""
    if not isinstance(column, pa.DictionaryArray):
        return column.nbytes
    texts: Any = column.dictionary
    lengths = pc.binary_length(texts).take(column.indices)
    return (pc.sum(lengths).as_py() or 0) + 4 * len(column)
