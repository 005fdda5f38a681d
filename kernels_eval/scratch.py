"""Private directories for a process's lifetime, and a sweep for those of killed processes.

A directory belongs to a living process as long as its file `.owner` is locked (flock(2)): the
kernel releases the lock when the process ends, however it ends. The lock appears together with the
name `.owner`, so a directory is never seen with that file and without its owner's lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIXES = ("bon-", "kernels-eval-")
"""Of all names that are made here, and of those that are swept."""
_OWNER = ".owner"
_OLD_NAME = re.compile(r"(kernels-eval|bon-prefect|bon-serve)-[a-z0-9_]{8}")
_ABANDONED_S = 7 * 24 * 3600.0
"""A directory without `.owner` goes if an older release may have made it, and if nobody touched it
for so long."""

_locks: set[int] = set()
"""Descriptors of the locks that this process holds."""


def _forget_locks() -> None:
    """In a forked child: a copy of the descriptor would keep the parent's lock alive."""
    for descriptor in _locks:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _locks.clear()


os.register_at_fork(after_in_child=_forget_locks)


def release_scratch() -> None:
    """Give up all directories of this process, which is about to end: the next sweep takes them."""
    _forget_locks()


class Scratch:
    """A directory in the temp directory that only this user may enter, until `close`."""

    def __init__(self, prefix: str, root: Path | None = None) -> None:
        """`root`: the temp directory's stand-in, one of those that are swept (`_roots`).

        Raises ValueError for a prefix that is never swept, OSError if it cannot be made.
        """
        if not prefix.startswith(PREFIXES):
            raise ValueError(f"a scratch directory's name begins with one of {PREFIXES}")
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
        self._process = os.getpid()
        try:
            self._lock = _own(self.path)
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def close(self) -> None:
        """Remove it with all that it holds. Safe to call twice; does nothing in a forked child."""
        if self._lock < 0 or os.getpid() != self._process:
            return
        remove_scratch(self.path)
        _locks.discard(self._lock)
        os.close(self._lock)
        self._lock = -1


@contextlib.contextmanager
def scratch_directory(prefix: str, root: Path | None = None) -> Iterator[Path]:
    """A private directory (mode 0700) in the temp directory, removed at the end.

    `prefix`: the name's beginning, itself beginning with one of `PREFIXES`. Raises ValueError for
    another one, OSError if the directory cannot be made. `root`: see `Scratch`.
    """
    scratch = Scratch(prefix, root)
    try:
        yield scratch.path
    finally:
        scratch.close()


def sweep_scratch() -> list[Path]:
    """Remove this user's scratch directories whose processes are gone; those that were removed.

    Symbolic links are not followed, other users' directories not touched, and no error is raised:
    what cannot be removed stays.
    """
    return [path for root in _roots() for path in _listed(root) if _swept(path)]


def _roots() -> set[Path]:
    """The temp directory, and the one for names that have to be short."""
    return {Path(tempfile.gettempdir()), Path("/tmp")}


def _listed(root: Path) -> list[Path]:
    try:
        names = os.listdir(root)  # noqa: PTH208
    except OSError:
        return []
    return [root / name for name in names if name.startswith(PREFIXES)]


def _swept(path: Path) -> bool:
    """Whether this directory had no owner any more, and is gone now."""
    try:
        folder = _opened(path)
    except OSError:
        return False
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid():
            return False
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            lock = os.open(_OWNER, flags, dir_fd=folder)
        except FileNotFoundError:
            untouched_s = time.time() - status.st_mtime
            old = _OLD_NAME.fullmatch(path.name) is not None and untouched_s > _ABANDONED_S
            return old and _removed(path, folder)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _removed(path, folder)
        finally:
            os.close(lock)
    except OSError:  # BlockingIOError: its owner lives
        return False
    finally:
        os.close(folder)


def _opened(path: Path) -> int:
    """A descriptor of the directory itself. Raises OSError for a symbolic link, too."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _own(path: Path) -> int:
    """Lock a fresh directory; the descriptor that holds the lock."""
    fresh = path / f"{_OWNER}.new"
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    _locks.add(descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fresh.rename(path / _OWNER)
    return descriptor


def remove_scratch(path: Path) -> None:
    """Remove a scratch directory, whoever owns it. Raises nothing: what cannot be removed stays."""
    with contextlib.suppress(OSError):
        folder = _opened(path)
        try:
            _removed(path, folder)
        finally:
            os.close(folder)


def _remove_content(folder: int) -> None:
    """All in an open directory but its `.owner`."""
    for name in os.listdir(folder):
        if name == _OWNER:
            continue
        try:
            os.unlink(name, dir_fd=folder)
        except OSError:
            _remove_tree(name, folder)


def _removed(path: Path, folder: int) -> bool:
    """Remove a directory, its `.owner` last: a sweep that is interrupted goes on next time."""
    _remove_content(folder)
    with contextlib.suppress(OSError):
        os.unlink(_OWNER, dir_fd=folder)
    with contextlib.suppress(OSError):
        path.rmdir()
    return not path.exists()


def _remove_tree(name: str, folder: int) -> None:
    """With the directories inside that were closed even to their user."""
    shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
    with contextlib.suppress(OSError):
        _open_up(name, folder)
        for _, inner, _, place in os.fwalk(name, follow_symlinks=False, dir_fd=folder):
            for directory in inner:
                with contextlib.suppress(OSError):
                    _open_up(directory, place)
        shutil.rmtree(name, ignore_errors=True, dir_fd=folder)


def _open_up(name: str, folder: int) -> None:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        os.chmod(name, stat.S_IRWXU, dir_fd=folder)
