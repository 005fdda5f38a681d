"""Stopping, resuming and pinning every thread of a worker, from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable

from kernels_eval.errors import HarnessError
from kernels_eval.sandbox import autogroup

_AT_ONCE_S = 0.005
"""A worker that is on its own core has stopped long before; until then every microsecond counts."""

_LATE_S = 4.0
"""Nothing of an honest candidate's takes as long to stop, unless it is in the kernel (state D)."""


class RestlessError(Exception):
    """The process was told to stop and does not."""


def count(pid: int) -> int:
    """Threads of a process and of all processes below it."""
    return len(threads(pid)) + sum(count(child) for child in children(pid))


def threads(pid: int) -> list[int]:
    """Thread ids of a process; empty once it is gone."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - hot path
    except OSError:
        return []


def children(pid: int) -> list[int]:
    """Process ids of the direct children, over all threads."""
    found: list[int] = []
    for thread in threads(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as listing:  # noqa: PTH123
            found += [int(child) for child in listing.read().split()]
    return found


def _state(pid: int, thread: int) -> str:
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", "rb") as stream:  # noqa: PTH123
            text = stream.read()
    except OSError:
        return "X"
    return chr(text[text.rindex(b")") + 2])


def dead(pid: int) -> bool:
    """Whether a process of one thread, or the last thread of one, has ended."""
    return _state(pid, pid) in "ZX" and len(threads(pid)) <= 1


def states(pid: int) -> list[str]:
    """A letter for each thread of a process, as ps(1) has it; empty once it is gone."""
    return [_state(pid, thread) for thread in threads(pid)]


def stop(pid: int, patience_s: float = 20.0) -> bool:
    """SIGSTOP the process; True when no thread of it runs any more, False if it is dead.

    A thread inside an uninterruptible system call stops when that returns; HarnessError if it does
    not within `patience_s`. RestlessError if threads go on although none is in such a call, or one
    waited for a child in it (vfork); that is killed.
    """
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    killed = 0
    while True:
        found = states(pid)
        if all(state in "ZX" for state in found):
            return False
        if all(state in "TtZX" for state in found):
            if killed:
                raise RestlessError("a thread waited for a process that the candidate had started")
            return True
        waited = time.monotonic() - started
        if waited > _AT_ONCE_S:
            time.sleep(0.001)  # the worker may need this very core in order to stop
        if waited > _LATE_S and not killed:
            killed = kill_descendants(pid)
        if waited > _LATE_S and "D" not in found:
            raise RestlessError(f"told to stop, threads of the candidate go on: {found}")
        if waited > patience_s:
            raise HarnessError(f"worker {pid} did not stop within {patience_s} s: {found}")


def resume(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def signal_tree(pid: int, *, stop: bool, deep: bool) -> None:
    """Stop or continue a process, with `deep` all below it, too. Raises ProcessLookupError."""
    os.kill(pid, signal.SIGSTOP if stop else signal.SIGCONT)
    if not deep:
        return
    for child in children(pid):
        with contextlib.suppress(ProcessLookupError):
            signal_tree(child, stop=stop, deep=True)


def kill_descendants(pid: int) -> int:
    """Kill every process below `pid` (which is stopped, so the number only falls); how many."""
    killed = 0
    for _ in range(100):
        below = children(pid)
        if not below:
            break
        for child in below:
            kill_descendants(child)
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
                killed += 1
        if all(map(dead, children(pid))):
            break
    return killed


def pin(pid: int, cores: Iterable[int]) -> None:
    """Bind every thread of a process to these cores, ahead of others there if we may say so.

    A worker is a session of its own. Where the kernel divides a core between sessions first
    (autogroups, sched(7)), threads' niceness counts only within one, and the session has its own.
    """
    wanted = set(cores)
    for thread in threads(pid):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, wanted)
        with contextlib.suppress(OSError):  # needs CAP_SYS_NICE
            os.setpriority(os.PRIO_PROCESS, thread, -20)
    autogroup.put_ahead(pid)
