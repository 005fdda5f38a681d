"""User ids for workers that no other judge on this machine holds, nor any account or container.

The kernel counts processes and pending signals per user id over the whole machine. Two workers of
one id would use up each other's limits, and could signal each other.

A block of ids is held by a socket: an abstract address belongs to the process that bound it, and
the kernel gives it free when that process is gone, however it ended. Addresses are known in one
network namespace only. Judges in different ones choose their blocks at random, out of 32,000, and
a block that any process visible here runs under is left alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from pathlib import Path

from kernels_eval.closing import Closing
from kernels_eval.errors import HarnessError

BLOCK = 4096
"""Ids in a block."""
LOWEST, END = 0x78000000, 0x7FFE0000
"""Above what directories give to accounts (up to 2,000,200,000) and what containers get (OpenShift:
below 2,000,000,000; subordinate ids: below 600,100,000); below systemd's ids of foreign images."""
_TRIES = 64
_WORDS = ("Uid:", "Gid:")


class UserIds(Closing):
    """`count` user ids (and group ids of the same numbers) from `base` on, until `close`."""

    def __init__(self, base: int, count: int, held: socket.socket) -> None:
        self.base = base
        self.count = count
        self._held = held

    def close(self) -> None:
        """Kill the processes that still run under these ids, and let another judge have them.

        Safe to call twice.
        """
        if self._held.fileno() < 0:
            return
        for process in _processes(self.base):
            with contextlib.suppress(OSError, ValueError):
                if _ids_of(process) <= set(range(self.base, self.base + BLOCK)):
                    os.kill(int(process.name), signal.SIGKILL)
        self._held.close()


def claim_user_ids(count: int) -> UserIds:
    """A block of ids that no other process has; released when this process ends.

    `count`: at most `BLOCK`. Raises ValueError for more, HarnessError if no block is to be had.
    """
    if not 0 < count <= BLOCK:
        raise ValueError(f"between 1 and {BLOCK} user ids at once, not {count}")
    if not user_ids_exist():
        raise HarnessError("this machine has no user ids to spare for workers (/proc/self/uid_map)")
    for _ in range(_TRIES):
        base = LOWEST + BLOCK * secrets.randbelow((END - LOWEST) // BLOCK)
        held = _hold(base)
        if held is None:
            continue
        if not _in_use(base):  # an earlier holder's processes may still be ending
            return UserIds(base, count, held)
        held.close()
    raise HarnessError("no free block of user ids for workers was found")


def user_ids_exist(proc: Path = Path("/proc/self")) -> bool:
    """Whether the ids' whole range can be used here: a container may have 65,536 ids alone."""
    return all(_mapped(proc / name) for name in ("uid_map", "gid_map"))


def _mapped(told: Path) -> bool:
    try:
        lines = [tuple(map(int, line.split())) for line in told.read_text().splitlines()]
    except (OSError, ValueError):
        return False
    return any(first <= LOWEST and first + length >= END for first, _, length in lines)


def _hold(base: int) -> socket.socket | None:
    """The socket that holds a block; None if another process holds it.

    Raises HarnessError if there can be no socket.
    """
    try:
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError as error:
        raise HarnessError(f"no socket to hold user ids with: {error}") from None
    try:
        held.bind(f"\0kernels-eval-user-ids-{base:#x}")
    except OSError:
        held.close()
        return None
    return held


def _in_use(base: int) -> bool:
    """Whether a process that can be seen here has an id of this block."""
    return bool(_processes(base))


def _processes(base: int) -> list[Path]:
    """In /proc, those that have an id of this block."""
    found: list[Path] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                if any(base <= one < base + BLOCK for one in _ids_of(process)):
                    found.append(process)
    return found


def _ids_of(process: Path) -> set[int]:
    """Real, effective, saved and file-system ids of a process, users' and groups'."""
    found: set[int] = set()
    for line in (process / "status").read_text().splitlines():
        if line.startswith(_WORDS):
            found.update(map(int, line.split()[1:]))
    return found
