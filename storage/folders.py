"""Folders of files beside the tables: a checkpoint's, say.

In a directory they are what they are. In an object store files appear one by one, so that only a
row that was written after them, with their hashes, says that all are there. Whoever works with them
has a copy below `$XDG_CACHE_HOME/bon-sweep` (default `~/.cache`), which may be removed at any
time; what was not used for longest leaves.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from storage.errors import LakeDamagedError, LakeUnusableError
from storage.mirror import cache_home
from storage.place import in_object_store, located, os_errors, reason, store_of

_MOST_BYTES = 10 << 30
"""Of all copies on this machine, but for those that may be in use."""

_IN_USE_SECONDS = 24 * 3600.0
"""For so long after a copy was asked for somebody may be working with it."""


def folder_here(root: Path, name: str) -> Path:
    """Where processes of this machine find a lake's folder; in an object store its copy's place."""
    return _copies_of(root) / name if in_object_store(root) else root / name


def holds_folder(root: Path, name: str) -> bool:
    """Whether the lake has anything in a folder of that name. Raises LakeUnusableError."""
    try:
        with os_errors():
            return (root / name).exists()
    except OSError as error:
        raise _unreachable(root / name, error) from error


def put_folder(root: Path, name: str, files: Iterable[str]) -> None:
    """Put these files of a folder into the lake, one after the other, in place of what is there.

    In a directory they lie there already. Raises LakeUnusableError.
    """
    if not in_object_store(root):
        return
    here, there = folder_here(root, name), root / name
    try:
        for file in files:
            with os_errors():
                store_of(there).put_file(str(here / file), str(there / file))
    except OSError as error:
        raise LakeUnusableError(
            f"cannot write to {there} ({reason(error)}); mend that, and go on with the same run"
        ) from error
    _used(here)


def fetch_folder(root: Path, name: str, files: Mapping[str, str]) -> Path:
    """The folder on this machine, with all files as their hashes say. Not for a directory.

    files: name within the folder → SHA-256. Files that are not named are not fetched.

    Raises LakeDamagedError, naming the object, for one that is missing or another than was put;
    LakeUnusableError if the store is not reached, or there is no room here.
    """
    here = folder_here(root, name)
    if not _same(here, files):
        there = root / name
        draft = _fetched(there, here, files)
        try:
            for file, sha256 in files.items():
                if file_sha256(draft / file) != sha256:
                    raise LakeDamagedError(f"{there / file} is not what was saved")
            shutil.rmtree(here, ignore_errors=True)  # of a killed process, or not whole any more
            with suppress(OSError):  # another process was faster
                draft.rename(here)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if not _same(here, files):
            raise LakeUnusableError(f"the copy of {there} in {here} was changed; try again")
    _used(here)
    return here


def fetch_address(address: str) -> Path:
    """A copy of all that lies below an address in an object store now; nobody says what it should
    be.

    Raises LakeDamagedError if nothing is there, LakeUnusableError as `fetch_folder`.
    """
    there = located(address)
    try:
        with os_errors():
            found = store_of(there).find(str(there), detail=True)
    except OSError as error:
        raise _unreachable(there, error) from error
    start = f"{address.partition('://')[2].rstrip('/')}/"
    objects = {key.removeprefix(start): one for key, one in found.items() if key.startswith(start)}
    if not objects:
        raise LakeDamagedError(f"nothing lies below {address}")
    content = repr(sorted((name, one.get("ETag"), one["size"]) for name, one in objects.items()))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    here = _copies_of(there) / "whole" / digest
    if not here.exists():
        draft = _fetched(there, here, objects)
        with suppress(OSError):  # another process was faster
            draft.rename(here)
        shutil.rmtree(draft, ignore_errors=True)
    _used(here)
    return here


def file_sha256(path: Path) -> str:
    """Of a file's bytes, as hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copies() -> Path:
    return cache_home() / "folders"


def _copies_of(root: Path) -> Path:
    return _copies() / hashlib.sha256(str(root).encode()).hexdigest()[:16]


def _same(here: Path, files: Mapping[str, str]) -> bool:
    try:
        return all(file_sha256(here / name) == sha256 for name, sha256 in files.items())
    except OSError:
        return False


def _fetched(there: Path, here: Path, names: Iterable[str]) -> Path:
    """A draft beside `here` with these files. Raises LakeDamagedError, LakeUnusableError."""
    draft = here.with_name(f".{here.name}-{uuid.uuid4().hex}")
    try:
        for name in names:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            with os_errors():
                store_of(there).get_file(str(there / name), str(draft / name))
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, FileNotFoundError):
            raise LakeDamagedError(f"there is no {there / name}") from error
        if isinstance(error, OSError):
            raise _unreachable(there, error) from error
        raise
    return draft


def _unreachable(there: Path, error: OSError) -> LakeUnusableError:
    return LakeUnusableError(
        f"{there} cannot be fetched to {_copies()} ({reason(error)}); mend the credentials, the "
        "address or the room there, or set XDG_CACHE_HOME, and try again"
    )


def _used(here: Path) -> None:
    """Say that it is in use, and remove of all copies those that were not for longest."""
    with suppress(OSError):
        os.utime(here)
    places: list[tuple[float, Path]] = []
    for place in _copies().glob("*/*/*"):
        with suppress(OSError):
            places.append((place.stat().st_mtime, place))
    total = 0
    for moment, place in sorted(places, reverse=True):
        total += sum(_size(file) for file in place.rglob("*"))
        draft = place.name.startswith(".")
        if (draft or total > _MOST_BYTES) and moment < time.time() - _IN_USE_SECONDS:
            shutil.rmtree(place, ignore_errors=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
