"""One writer per run. The lock belongs to a process and dies with it, however it dies.

In an object store, where there are no file locks: see object_lock.py.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from storage import object_lock
from storage.errors import LakeUnusableError, RunLockedError
from storage.file_lock import let_go, open_lock_file, take
from storage.layout import LOCKS
from storage.listing import names_in
from storage.place import in_object_store, reason

_descriptors: dict[Path, int] = {}
"""Of the lock files that this process holds."""


def check_in_place(root: Path, run_id: str) -> None:
    """Raise LakeUnusableError if this process holds the run, and its lock file is not there now.

    A lake whose disk was unmounted under its writer would look like an empty one, and be begun
    again in the directory below.
    """
    path = root / LOCKS / f"{run_id}.lock"
    descriptor = _descriptors.get(path)
    if descriptor is None:
        return
    try:
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return
        why = "another file is in its place"
    except OSError as error:
        why = reason(error)
    raise LakeUnusableError(
        f"{path} is gone ({why}): lake {root} was moved, removed or unmounted while run "
        f"{run_id!r} was being written; put it back, and resume the run"
    )


@contextmanager
def locked(root: Path, run_id: str) -> Iterator[None]:
    """Hold the run exclusively. Raises RunLockedError at once if another writer holds it."""
    path = root / LOCKS / f"{run_id}.lock"
    if in_object_store(root):
        with object_lock.held(path, run_id):
            yield
        return
    made = [place for place in (path.parent, root, *root.parents) if not place.exists()]
    try:
        descriptor = open_lock_file(path)
    except OSError as error:
        raise LakeUnusableError(
            f"lake {root} cannot be written ({path}: {reason(error)}); "
            "mend its permissions or name another with --lake"
        ) from error
    try:
        try:
            take(descriptor)
        except BlockingIOError as error:
            raise RunLockedError(
                f"run {run_id!r} is being written by {_holder(descriptor)}; "
                "wait until it ends, or choose another run id"
            ) from error
        except OSError as error:
            raise LakeUnusableError(
                f"lake {root} lies on a file system without locks ({error.strerror}); "
                "name one on a local disk with --lake"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        _descriptors[path] = descriptor
        yield
    finally:
        if _descriptors.get(path) == descriptor:
            del _descriptors[path]
            if made:
                _unmake(path, made)
        let_go(descriptor)


def _unmake(path: Path, made: Sequence[Path]) -> None:
    """Remove a lock file and the directories that were made for it, if they hold nothing else."""
    with suppress(OSError):
        if [*names_in(path.parent.parent), *names_in(path.parent)] == [LOCKS, path.name]:
            path.unlink()
            for place in made:
                place.rmdir()


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
    return "".join(sign if sign.isprintable() else "?" for sign in text) or "another process"
