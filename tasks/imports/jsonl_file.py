"""JSON Lines, some thousand lines at a time, as text: what it means, `cells` decides.

An array of objects is taken as well, if all of it may be held in memory at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from tasks.imports.limits import COLUMNS, LINE_BYTES
from tasks.imports.names import Names
from tasks.opening import in_words

_ROWS_AT_ONCE = 4096
_NAMES_BYTES = 1 << 20
_ARRAY_BYTES = 128 << 20
"""An array is some times as large in memory as on disk."""


class JsonLines:
    """The rows of a file. Names are added to `names` as they are met."""

    def __init__(self, file: BinaryIO, names: Names) -> None:
        self._file = file
        self._names = names

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The taken columns, by the file's names. Raises ValueError (of which pyarrow's and json's
        errors are), RequestError."""
        rows: list[dict[str, Any]] = []
        size = 0
        array = self._array()
        for number, line in array or self._lines():
            try:
                rows.append(self._row(line))
                size += len(line) if isinstance(line, bytes) else 0
                if len(rows) == _ROWS_AT_ONCE or size > LINE_BYTES:
                    yield self._batch(rows)
                    rows, size = [], 0
            except RecursionError:
                raise ValueError(f"line {number} is nested too deeply") from None
            except json.JSONDecodeError as error:  # which counts lines within this one
                raise ValueError(f"line {number}, column {error.colno}: {error.msg}") from error
            except (ValueError, TypeError, OverflowError) as error:
                where = "line" if array is None else "row"
                raise ValueError(f"near {where} {number}: {error}") from error
        if rows:
            yield self._batch(rows)

    def _array(self) -> Iterator[tuple[int, object]] | None:
        """The file's rows if it is an array; else None."""
        self._file.seek(0)
        head = self._file.read(_NAMES_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not head.startswith(b"["):
            return None
        self._file.seek(0)
        content = self._file.read(_ARRAY_BYTES + 1)
        if len(content) > _ARRAY_BYTES:
            raise ValueError(
                f"it is an array of more than {in_words(_ARRAY_BYTES)}; write one object per line"
            )
        try:
            rows = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return iter(enumerate(rows, 1))

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        self._file.seek(0)
        number = 0
        while line := self._file.readline(LINE_BYTES + 1):
            number += 1
            if len(line) > LINE_BYTES:
                raise ValueError(f"line {number} is longer than {in_words(LINE_BYTES)}")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line.rstrip()

    def _row(self, line: object) -> dict[str, Any]:
        row = line
        if isinstance(line, bytes):
            row = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
        if not isinstance(row, dict):
            raise ValueError("it is no JSON object")
        if isinstance(row, _Twice):
            raise ValueError(f"its object names {row.name!r} more than once")
        new = [name for name in row if name not in self._names.all]
        if new:
            self._names.add(new)
            names = self._names.all
            if len(names) > COLUMNS or sum(map(len, names)) > _NAMES_BYTES:
                raise ValueError(f"its columns are more than {COLUMNS:,}, or have too long names")
        return {name: _text(row[name]) for name in self._names.ours if name in row}

    def _batch(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        columns = {}
        for name in self._names.ours:
            try:
                columns[name] = pa.array([row.get(name) for row in rows], pa.string())
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"column {name!r}: {error}") from error
        if not columns:
            return pa.RecordBatch.from_pydict({"": pa.nulls(len(rows))})
        return pa.RecordBatch.from_pydict(columns)


class _Twice(dict[str, Any]):
    """An object that gives a name more than once: JSON allows it, and readers keep one value."""

    name = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        row = _Twice(row)
        names = [name for name, _ in pairs]
        row.name = next(name for name in names if names.count(name) > 1)
    return row


def _text(value: object) -> str | None:
    """As it is written in JSON; whole numbers keep every digit."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | list | dict) else repr(value)
