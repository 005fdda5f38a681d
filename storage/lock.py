"""One writer per run. The lock belongs to a process and dies with it, however it dies.

In an object store, where there are no file locks: see object_lock.py.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage import object_lock
from storage.errors import LakeUnusableError, RunLockedError
from storage.layout import LOCKS
from storage.place import in_object_store

_held: set[int] = set()


def _drop_in_child() -> None:
    # A forked child shares the lock: without this a stray child would hold it after our death.
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_drop_in_child)


@contextmanager
def locked(root: Path, run_id: str) -> Iterator[None]:
    """Hold the run exclusively. Raises RunLockedError at once if another writer holds it."""
    path = root / LOCKS / f"{run_id}.lock"
    if in_object_store(root):
        with object_lock.held(path, run_id):
            yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LakeUnusableError(f"lake {root} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "unknown"
            raise RunLockedError(
                f"run {run_id!r} is being written by {holder}; "
                "wait until it ends, or choose another run id"
            ) from error
        except OSError as error:
            raise LakeUnusableError(
                f"lake {root} lies on a file system without locks ({error.strerror}); "
                "name one on a local disk with --lake"
            ) from error
        _held.add(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        _held.discard(descriptor)
        # Closed already where this runs in a child that was forked inside the block.
        with suppress(OSError):
            os.close(descriptor)
