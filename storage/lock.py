"""One writer per run. The lock belongs to a process and dies with it, however it dies.

In an object store, where there are no file locks: see object_lock.py.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import object_lock
from storage.errors import LakeUnusableError, RunLockedError
from storage.file_lock import let_go, open_lock_file, take
from storage.layout import LOCKS
from storage.place import in_object_store, reason


@contextmanager
def locked(root: Path, run_id: str) -> Iterator[None]:
    """Hold the run exclusively. Raises RunLockedError at once if another writer holds it."""
    path = root / LOCKS / f"{run_id}.lock"
    if in_object_store(root):
        with object_lock.held(path, run_id):
            yield
        return
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
        yield
    finally:
        let_go(descriptor)


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
    return "".join(sign if sign.isprintable() else "?" for sign in text) or "another process"
