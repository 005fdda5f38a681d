"""A file of the lake appears whole or not at all."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import pyarrow as pa

from storage.file_lock import let_go, take
from storage.layout import TEMPORARY_PREFIX
from storage.listing import names_in
from storage.place import in_object_store, os_errors, put_new
from storage.seal import write_sealed


def write_part(directory: Path, part: str | None, rows: pa.Table, below: Path) -> Path | None:
    """Write `part-<part or a fresh name>.parquet`; None if a part of that name is there already.

    The bytes go to a hidden name in the same directory, reach the disk, and are then renamed, so a
    reader sees no half-written file whenever the writer dies. In an object store a whole object
    appears at once. `below`: the directory as seen from the lake's root, for the part's seal.
    Raises OSError.
    """
    final = directory / f"part-{part or uuid.uuid4().hex}.parquet"
    place = PurePosixPath(str(below), final.name)
    if in_object_store(directory):
        whole = io.BytesIO()
        write_sealed(whole, rows, place)
        return final if put_new(final, whole.getvalue()) else None
    directory.mkdir(parents=True, exist_ok=True)
    if final.exists():
        return None
    with appearing(final) as draft, draft.open("w+b") as sink:
        write_sealed(sink, rows, place)
        sink.flush()
        os.fsync(sink.fileno())
    _sync_directory(directory)
    return final


def write_text(path: Path, text: str) -> Path:
    """A text file that appears whole or not at all, in place of what was there; its path.

    Its directory is made. Raises OSError.
    """
    if in_object_store(path):
        with os_errors():
            path.write_text(text, encoding="utf-8")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    with appearing(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A hidden draft beside a file, which takes its place when the block has ended well.

    It is locked while its writer lives: one that a killed writer left is known by that.
    """
    draft, lock = _draft(path)
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    finally:
        let_go(lock)


def _draft(path: Path) -> tuple[Path, int]:
    while True:
        draft = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{uuid.uuid4().hex}{path.suffix}")
        lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # a file system without locks
            take(lock)
        if os.fstat(lock).st_nlink:  # else another writer took it for abandoned before the lock
            return draft, lock
        let_go(lock)


def _remove_abandoned(directory: Path) -> None:
    """Remove drafts whose writers are gone, in a directory that no run's lock guards."""
    for draft in directory.glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(OSError):
            lock = os.open(draft, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                take(lock)
                draft.unlink()
            finally:
                let_go(lock)


def remove_leftovers(directory: Path) -> int:
    """Remove what writers that died left behind. Only for the holder of the run's lock.

    Raises OSError.
    """
    leftovers = [name for name in names_in(directory) if name.startswith(TEMPORARY_PREFIX)]
    for name in leftovers:
        (directory / name).unlink(missing_ok=True)
    return len(leftovers)


def _sync_directory(directory: Path) -> None:
    # A rename survives a power cut only once the directory itself is on the disk.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
