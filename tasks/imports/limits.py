"""How much an import may hold, so that it stays within 4 GB of memory whatever it is given."""

from __future__ import annotations

from tasks.errors import RequestError
from tasks.opening import in_words

FILE_BYTES = 1 << 30
"""Of a file on disk."""

TABLE_BYTES = 512 << 20
"""Of all its rows in memory: some times as much is needed while they are written."""

ROWS = 2_000_000
PROBLEMS = 200_000
COLUMNS = 1_000
LINE_BYTES = 16 << 20
"""Of one row's text."""

FOOTER_BYTES = 16 << 20
"""Of a Parquet file's own description."""

KERNEL_BYTES = 1 << 20
"""Of one kernel's file."""

LARGEST_ID = (1 << 63) - 1
"""Of problems and samples: what 64 bits hold."""

LARGEST_SAMPLE = 9_999
"""Of kernels in a folder: a run is asked for as many samples of each problem."""

LARGEST_LEVEL = 9_999


def too_large(what: str, has: str, limit: str) -> RequestError:
    """The error for anything beyond a limit."""
    return RequestError(f"{what} {has}, and an import takes {limit}; split it into several runs")


def check_table(file: str, *, rows: int, size: int) -> None:
    """Raise RequestError for more rows, or more bytes of them in memory, than an import takes."""
    if rows > ROWS:
        raise too_large(file, f"has {rows:,} rows or more", f"up to {ROWS:,}")
    if size > TABLE_BYTES:
        raise too_large(file, f"holds {in_words(size)} of rows or more", in_words(TABLE_BYTES))
