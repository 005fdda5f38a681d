"""Judges on one machine take turns at what they time on: its cores, its GPU.

Two that measure on one core at once measure each other. Each core and GPU has a lock file
(flock(2)), whichever command, lake or user the judge belongs to. A lock ends with the process that
holds it, and a second one makes the queue: a judge that has just measured goes behind those that
have been waiting.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

VARIABLE = "BON_TURNS"
"""Environment: the directory of the lock files, where the usual one is not shared by all judges."""

_USUAL = (Path("/run/lock"), Path("/tmp"))
_POLL_S = 0.05
_TOLD_S = 10.0
"""Between two lines of one that waits; the first comes after a tenth."""

_mine: Counter[str] = Counter()
"""How often this process holds each name: its own judges do not wait for each other."""

_mutex = Lock()


class Turn:
    """This process's turn at some cores or a GPU. For one thread at a time."""

    def __init__(self, names: Collection[str]) -> None:
        """`names`: of what is timed on, e.g. `cpu3` or `gpu0`."""
        self._names = sorted(set(names))  # one order for all: no two can wait for each other
        self._held: dict[str, int | None] = {}

    def wait(self) -> Iterator[str]:
        """Until it is this process's turn; meanwhile, now and then, a line that says who has it.

        Where no lock file can be made, there is nothing to wait for, and a line says so.
        """
        for name in self._names:
            with _mutex:
                again = name in _mine
                _mine[name] += 1
                self._held[name] = None
            if again:
                continue
            try:
                queue = _opened(f"{name}.queue")
            except OSError as error:
                why = error.strerror or str(error)
                yield f"judges here cannot take turns ({why}); ${VARIABLE} names a directory for it"
                continue
            try:
                yield from _taken(queue, name)
                self._held[name] = held = _opened(name)
                yield from _taken(held, name)
            finally:
                os.close(queue)

    def end(self) -> None:
        """Let the next one measure. Safe to call twice, and in the middle of `wait`."""
        for name, descriptor in self._held.items():
            with _mutex:
                _mine[name] -= 1
                if not _mine[name]:
                    del _mine[name]
            if descriptor is not None:
                os.close(descriptor)
        self._held = {}

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _taken(descriptor: int, name: str) -> Iterator[str]:
    tell = time.monotonic() + _TOLD_S / 10
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() >= tell:
            tell = time.monotonic() + _TOLD_S
            yield f"waiting for {name}, on which {_holder(name)} measures"
        time.sleep(_POLL_S)


def _opened(name: str) -> int:
    """A lock file's descriptor. Reading is enough to lock it, and all that other users may do."""
    path = _place() / f"bon-sweep-{name}.lock"
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileExistsError):
        os.close(os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o444))
    return os.open(path, flags)


def _place() -> Path:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    return next((one for one in _USUAL if os.access(one, os.W_OK)), _USUAL[-1])


def _holder(name: str) -> str:
    """Who holds a name, by the kernel's list: the file itself is nobody's to write into."""
    with suppress(OSError, ValueError):
        inode = (_place() / f"bon-sweep-{name}.lock").stat().st_ino
        for line in Path("/proc/locks").read_text("utf-8").splitlines():
            fields = line.split()
            if fields[1] == "FLOCK" and int(fields[5].rpartition(":")[2]) == inode:
                return f"process {fields[4]}"
    return "another judge"
