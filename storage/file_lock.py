"""Locks on files that die with the process that took them, and that no forked child keeps."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

_held: set[int] = set()


def _drop_in_child() -> None:
    # A forked child shares the lock: without this a stray child would hold it after our death.
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_drop_in_child)


def open_lock_file(path: Path) -> int:
    """Make the file if it is not there, open it, and return its descriptor. Raises OSError.

    Whoever may open a file may lock it: only those who may write to its directory can.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    shared = path.parent.stat().st_mode & 0o020
    mode = 0o660 if shared else 0o600
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with suppress(PermissionError):  # of another owner
        os.fchmod(descriptor, mode)
    return descriptor


def take(descriptor: int) -> None:
    """Lock an open file. Raises BlockingIOError if another holds it, OSError without file locks."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held.add(descriptor)


def let_go(descriptor: int) -> None:
    """Close a file, locked or not; in a child that was forked meanwhile it is closed already."""
    _held.discard(descriptor)
    with suppress(OSError):
        os.close(descriptor)
