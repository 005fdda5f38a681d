"""JSON Lines, some thousand lines at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from tasks.imports.columns import read_as
from tasks.imports.limits import COLUMNS, LINE_BYTES, in_words

_ROWS_AT_ONCE = 4096
_NAMES_BYTES = 1 << 20


class JsonLines:
    """The rows of a file; `names` are those that were met so far, in their order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._types = read_as(boolean=pa.bool_())
        self.names: dict[str, None] = {}

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The known columns. Raises ValueError (of which pyarrow's and json's errors are)."""
        rows: list[dict[str, Any]] = []
        size = 0
        for number, line in self._lines():
            try:
                rows.append(self._row(line))
                size += len(line)
                if len(rows) == _ROWS_AT_ONCE or size > LINE_BYTES:
                    yield self._batch(rows)
                    rows, size = [], 0
            except RecursionError:
                raise ValueError(f"line {number} is nested too deeply") from None
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"near line {number}: {error}") from error
        if rows:
            yield self._batch(rows)

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
                yield number, line

    def _row(self, line: bytes) -> dict[str, Any]:
        row = json.loads(line.decode("utf-8"))
        if not isinstance(row, dict):
            raise ValueError("it is no JSON object")
        new = [name for name in row if name not in self.names]
        self.names |= dict.fromkeys(new)
        if len(self.names) > COLUMNS or (new and sum(map(len, self.names)) > _NAMES_BYTES):
            raise ValueError(f"its columns are more than {COLUMNS:,}, or have too long names")
        return {name: value for name, value in row.items() if name in self._types}

    def _batch(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        columns = {}
        for name, wanted in self._types.items():
            values = [row.get(name) for row in rows]
            try:
                columns[name] = pa.array(values, wanted)
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"column {name!r}: {error}") from error
        return pa.RecordBatch.from_pydict(columns)
