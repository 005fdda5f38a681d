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
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from storage.layout import PARTS, table_directory
from storage.place import os_errors, store_of
from storage.writer import appearing

_AT_ONCE = 16
_CLOCK_NS = 1000


def mirrored(
    root: Path, table: str, found: Mapping[str, dict[str, Any]], run_ids: Sequence[str] | None
) -> tuple[Path, dict[str, OSError]]:
    """A directory with the table's parts that were just `found` (see `Listing.objects`), and why
    single ones could not be fetched, by the same names. Raises OSError if the store is not reached.

    What one process fetches another may use: a file appears whole or not at all.
    """
    here = cache_home() / hashlib.sha256(str(root).encode()).hexdigest()[:16]
    wanted = None if run_ids is None else {f"run_id={run_id}" for run_id in run_ids}
    mine = table_directory(here, table)
    started = time.time()
    for path in mine.glob(f"run_id=*/{PARTS}"):
        asked_for = wanted is None or path.parent.name in wanted
        if asked_for and path.relative_to(mine).as_posix() not in found:
            _remove_older(path, started)
    missing = [(name, one) for name, one in found.items() if not _same(mine / name, one)]
    store = store_of(root)

    def fetch(name: str, one: dict[str, Any]) -> OSError | None:
        try:
            with os_errors():
                _fetch(store, one["name"], mine / name, one)
        except (PermissionError, FileNotFoundError) as error:  # of this object alone
            return error
        return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failures = pool.map(lambda one: fetch(*one), missing)
        failed = {name: error for (name, _), error in zip(missing, failures, strict=True) if error}
    return here, failed


def fetch_again(there: Path, here: Path) -> None:
    """Replace the copy of one object. Raises OSError."""
    store = store_of(there)
    with os_errors():
        _fetch(store, str(there), here, store.info(str(there)))


def cache_home() -> Path:
    """Of all that is copied to this machine."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bon-sweep"


def _same(path: Path, there: dict[str, Any]) -> bool:
    """By size, time of writing and tag, which `_fetch` hands on."""
    with suppress(FileNotFoundError):
        mine = path.stat()
        apart = abs(mine.st_mtime_ns - _moment_ns(there))
        return mine.st_size == there["size"] and apart < _CLOCK_NS
    return False


def _remove_older(path: Path, moment: float) -> None:
    """What is gone from the store. What another process has fetched since is no older."""
    with suppress(FileNotFoundError):
        if path.stat().st_ctime < moment:
            path.unlink()


def _moment_ns(there: dict[str, Any]) -> int:
    """The second in which an object was written, and its tag's digest as the microseconds: stores
    tell whole seconds, in which an object may have been put twice."""
    digest = hashlib.sha256(str(there.get("ETag")).encode()).digest()
    microseconds = int.from_bytes(digest[:8], "big") % 1_000_000
    return int(there["LastModified"].timestamp()) * 1_000_000_000 + microseconds * 1000


def _fetch(store: Any, name: str, path: Path, there: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing(path) as draft:
        draft.write_bytes(store.cat_file(name))
        os.utime(draft, ns=(_moment_ns(there), _moment_ns(there)))
