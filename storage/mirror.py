"""What queries need of a lake in an object store, as files beside the reader.

DuckDB asks for footers and columns of every part by itself, some ten requests each, and again with
every query: seconds for a hundred parts. Parts never change, so each is fetched once, whole, and
kept under `$XDG_CACHE_HOME/bon-sweep` (default `~/.cache`), which may be removed at any time. One
listing per table tells what is there now.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from storage.layout import COLUMNS_PREFIX, PARTS, is_part, table_directory
from storage.place import store_of
from storage.writer import appearing

_AT_ONCE = 16
_CLOCK_S = 1e-3


def mirrored(root: Path, tables: Collection[str], run_ids: Sequence[str] | None) -> Path:
    """A directory that holds these tables' parts (of those runs), as they are now. Raises OSError.

    What one process fetches another may use: a file appears whole or not at all.
    """
    here = _home() / hashlib.sha256(str(root).encode()).hexdigest()[:16]
    wanted = None if run_ids is None else {f"run_id={run_id}" for run_id in run_ids}
    missing: list[tuple[str, Path, dict[str, Any]]] = []
    for table in tables:
        there, mine = table_directory(root, table), table_directory(here, table)
        started = time.time()
        found = _listed(there, wanted)
        for path in mine.glob(f"run_id=*/{PARTS}"):
            asked_for = wanted is None or path.parent.name in wanted
            if asked_for and path.relative_to(mine).as_posix() not in found:
                _remove_older(path, started)
        missing += [
            (one["name"], mine / name, one)
            for name, one in found.items()
            if not _same(mine / name, one)
        ]
    store = store_of(root)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda one: _fetch(store, *one), missing))
    return here


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bon-sweep"


def _listed(directory: Path, wanted: set[str] | None) -> dict[str, dict[str, Any]]:
    """Name below the table's directory → what the store says of it; parts and column markers."""
    store, start = store_of(directory), f"{str(directory).partition('://')[2]}/"
    found: dict[str, dict[str, Any]] = store.find(str(directory), detail=True)
    named = {key.removeprefix(start): one for key, one in found.items()}
    return {
        name: one
        for name, one in named.items()
        if name.startswith(COLUMNS_PREFIX)
        or (is_part(name.rpartition("/")[2]) and (wanted is None or name.split("/")[0] in wanted))
    }


def _same(path: Path, there: dict[str, Any]) -> bool:
    """By size and time of writing, which `_fetch` hands on."""
    with suppress(FileNotFoundError):
        mine = path.stat()
        return mine.st_size == there["size"] and abs(mine.st_mtime - _written(there)) < _CLOCK_S
    return False


def _remove_older(path: Path, moment: float) -> None:
    """What is gone from the store. What another process has fetched since is no older."""
    with suppress(FileNotFoundError):
        if path.stat().st_ctime < moment:
            path.unlink()


def _written(there: dict[str, Any]) -> float:
    return float(there["LastModified"].timestamp())


def _fetch(store: Any, name: str, path: Path, there: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing(path) as draft:
        draft.write_bytes(store.cat_file(name))
        os.utime(draft, (_written(there), _written(there)))
