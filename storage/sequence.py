"""The order in which a run's appends were made: a counter, since clocks step back.

Every append to a table with a column `sequence` gets one number, higher than all that the run's
table holds. Rows that earlier releases wrote have none, and are older than those that have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from storage.parts import parts_of

COLUMN = "sequence"

_counting: dict[tuple[str, str], dict[str, int]] = {}
"""(root, run) whose lock this process holds → table → the last number given."""

_mutex = Lock()


@contextmanager
def counted(root: Path, run_id: str) -> Iterator[None]:
    """Count in memory what is read once. Only for the holder of the run's lock."""
    key = (str(root), run_id)
    with _mutex:
        _counting[key] = {}
    try:
        yield
    finally:
        with _mutex:
            del _counting[key]


def next_sequence(root: Path, table: str, run_id: str) -> int:
    """The next append's number, from 1. Safe to call from several threads.

    Two writers without the run's lock may get the same one. Raises QueryError for a broken part.
    """
    with _mutex:
        given = _counting.get((str(root), run_id), {})
        if table not in given:
            given[table] = _highest(root, table, run_id)
        given[table] += 1
        return given[table]


def numbered(root: Path, table: str, run_id: str, rows: pa.Table) -> pa.Table:
    """The rows with this append's number in `sequence`, if the table has it and they have none."""
    at = rows.schema.get_field_index(COLUMN)
    if at < 0 or rows[COLUMN].null_count < len(rows):
        return rows
    number = pa.scalar(next_sequence(root, table, run_id), pa.int64())
    return rows.set_column(at, rows.schema.field(at), pa.repeat(number, len(rows)))


def _highest(root: Path, table: str, run_id: str) -> int:
    found = parts_of(root, table, run_id, (COLUMN,), _of_part).look()
    return max(found.values(), default=0)


def _of_part(part: pa.Table) -> int:
    if COLUMN not in part.column_names:  # an earlier release's
        return 0
    return pc.max(part[COLUMN]).as_py() or 0
