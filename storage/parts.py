"""Parts of one run, each read once: a part never changes, so what was seen of it stays true."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Hashable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import QueryError
from storage.layout import is_part
from storage.place import in_object_store, os_errors, reason, store_of

T = TypeVar("T")

Stamp = tuple[Hashable, ...]
"""(inode, modification time in ns, size), or an object's (tag, modification time, size): the same
name after the lake was made anew is another."""


class Parts(Generic[T]):
    """What `digest` makes of every part in a directory; only new parts are read at each look."""

    def __init__(
        self, directory: Path, columns: tuple[str, ...], digest: Callable[[pa.Table], T]
    ) -> None:
        self._directory = directory
        self._columns = columns
        self._digest = digest
        self._lock = Lock()
        self._known: dict[str, tuple[Stamp, T]] = {}

    def look(self) -> dict[Path, T]:
        """Path → digest of every part that is there now. Raises QueryError for a broken one."""
        with self._lock:
            self._known = {
                name: self._kept(name, stamp) for name, stamp in sorted(self._listed().items())
            }
            return {self._directory / name: made for name, (_, made) in self._known.items()}

    def _listed(self) -> dict[str, Stamp]:
        if in_object_store(self._directory):
            return _listed_objects(self._directory)
        try:
            with os.scandir(self._directory) as entries:
                stats = {entry.name: entry.stat() for entry in entries if is_part(entry.name)}
        except FileNotFoundError:
            return {}
        return {name: (s.st_ino, s.st_mtime_ns, s.st_size) for name, s in stats.items()}

    def _kept(self, name: str, stamp: Stamp) -> tuple[Stamp, T]:
        known = self._known.get(name)
        if known and known[0] == stamp:
            return known
        return stamp, self._digest(read_part(self._directory / name, self._columns))


def _listed_objects(directory: Path) -> dict[str, Stamp]:
    try:
        with os_errors():
            found = store_of(directory).ls(str(directory), detail=True)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise QueryError(f"{directory} cannot be listed: {reason(error)}") from error
    return {
        name: (one.get("ETag"), str(one.get("LastModified")), one["size"])
        for one in found
        if is_part(name := one["name"].rpartition("/")[2])
    }


def _fetched(path: Path) -> io.BytesIO:
    with os_errors():
        return io.BytesIO(path.read_bytes())


def read_part(path: Path, columns: tuple[str, ...]) -> pa.Table:
    """These columns of one part. Raises QueryError."""
    try:
        with pq.ParquetFile(_fetched(path) if in_object_store(path) else path) as file:
            return file.read(columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        raise QueryError(f"{path} cannot be read: {said}") from error


@lru_cache(maxsize=16)
def parts_of(
    directory: Path, columns: tuple[str, ...], digest: Callable[[pa.Table], T]
) -> Parts[T]:
    """The same `Parts` for the same question, while it is among the last few asked."""
    return Parts(directory, columns, digest)
