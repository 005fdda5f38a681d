"""Several tables as one append: the last one named is what counts, the others belong to it."""

from __future__ import annotations

from collections.abc import Mapping

from storage import layout
from storage.lake import Lake
from storage.rows import Rows

COMPANIONS = {"token_logprobs": "candidates", "timings": "evaluations"}
"""Table → the table whose part of the same name commits it."""


def commit(lake: Lake, run_id: str, part: str, tables: Mapping[str, Rows]) -> None:
    """Append to every table under one part name, companions before the table that commits them.

    A writer that dies in between leaves companions without their commit, which
    `discard_uncommitted` removes; so a row of the committing table always has its companions.
    """
    for table in sorted(tables, key=lambda name: name not in COMPANIONS):
        lake.append(table, tables[table], run_id=run_id, part=part)


def discard_uncommitted(lake: Lake, run_id: str) -> int:
    """Remove companion parts that were never committed. Only for the holder of the run's lock."""
    removed = 0
    for companion, owner in COMPANIONS.items():
        committed = {
            path.name for path in layout.run_directory(lake.root, owner, run_id).glob("part-*")
        }
        for path in layout.run_directory(lake.root, companion, run_id).glob("part-*"):
            if path.name not in committed:
                path.unlink()
                removed += 1
    return removed
