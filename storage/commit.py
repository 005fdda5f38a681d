"""Several tables as one append: the last one named is what counts, the others belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from storage.errors import LakeDamagedError
from storage.lake import Lake
from storage.layout import COMPANIONS
from storage.listing import list_run, part_paths
from storage.rows import Rows
from storage.sound import vanished


def commit(lake: Lake, run_id: str, part: str, tables: Mapping[str, Rows]) -> None:
    """Append to every table under one part name, companions before the table that commits them.

    A writer that dies in between leaves companions without their commit, which
    `discard_uncommitted` removes; so a row of the committing table always has its companions.
    """
    for table in sorted(tables, key=lambda name: name not in COMPANIONS):
        if table in COMPANIONS:
            # Companions without the directory that commits them would look like a lost directory.
            lake.prepare(COMPANIONS[table], run_id)
        lake.append(table, tables[table], run_id=run_id, part=part)


def discard_uncommitted(lake: Lake, run_id: str) -> int:
    """Remove companion parts that were never committed. Only for the holder of the run's lock.

    Raises LakeDamagedError, with nothing removed, if what commits them cannot be listed or its
    directory is gone.
    """
    uncommitted: list[Path] = []
    for companion, owner in COMPANIONS.items():
        if (why := vanished(lake.root, owner, run_id)) is not None:
            raise LakeDamagedError(why)
        committed = list_run(lake.root, owner, run_id)
        paths = part_paths(lake.root, companion, run_id)
        uncommitted += [path for path in paths if path.name not in committed]
    for path in uncommitted:
        path.unlink()
    return len(uncommitted)
