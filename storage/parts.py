"""Parts of one run, each read once: a part never changes, so what was seen of it stays true."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import LakeDamagedError, QueryError
from storage.layout import run_directory
from storage.listing import Stamp, list_run, stamp
from storage.place import in_object_store, os_errors, reason
from storage.sound import unsound, unsound_content, vanished

T = TypeVar("T")


class Parts(Generic[T]):
    """What `digest` makes of every part of a run; only new parts are read at each look."""

    def __init__(
        self,
        root: Path,
        table: str,
        run_id: str,
        columns: tuple[str, ...],
        digest: Callable[[pa.Table], T],
    ) -> None:
        self._root = root
        self._table = table
        self._run_id = run_id
        self._columns = columns
        self._digest = digest
        self._lock = Lock()
        self._known: dict[str, tuple[Stamp, T]] = {}

    def look(self) -> dict[Path, T]:
        """Path → digest of every part that is there now.

        Raises LakeDamagedError for one that is not sound, or if nobody can tell what is there.
        """
        directory = run_directory(self._root, self._table, self._run_id)
        with self._lock:
            found = list_run(self._root, self._table, self._run_id)
            if not found and (why := vanished(self._root, self._table, self._run_id)):
                raise LakeDamagedError(why)
            self._known = {
                name: self._kept(directory / name, known) for name, known in sorted(found.items())
            }
            return {directory / name: made for name, (_, made) in self._known.items()}

    def _kept(self, path: Path, now: Stamp | OSError) -> tuple[Stamp, T]:
        known = self._known.get(path.name)
        if known and known[0] == now:
            return known
        if isinstance(now, OSError):
            raise LakeDamagedError(str(unsound(path, self._table, self._run_id, now)))
        return now, self._digest(read_part(path, self._columns))


def read_part(path: Path, columns: tuple[str, ...]) -> pa.Table:
    """These columns of one part. Raises LakeDamagedError for one that is not sound, QueryError."""
    table, run_id = path.parents[2].name, path.parent.name.removeprefix("run_id=")
    try:
        content: io.BytesIO | Path = path
        if in_object_store(path):
            with os_errors():
                content = io.BytesIO(path.read_bytes())
            why = unsound_content(content, path, table, run_id)
        else:
            why = unsound(path, table, run_id, stamp(path.stat()))
        if why is not None:
            raise LakeDamagedError(why)
        with pq.ParquetFile(content) as file:
            return file.read(columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        said = reason(error).splitlines()[0]
        raise QueryError(f"{path} cannot be read: {said}") from error


@lru_cache(maxsize=16)
def parts_of(
    root: Path,
    table: str,
    run_id: str,
    columns: tuple[str, ...],
    digest: Callable[[pa.Table], T],
) -> Parts[T]:
    """The same `Parts` for the same question, while it is among the last few asked."""
    return Parts(root, table, run_id, columns, digest)
