"""Niceness of a whole session, where the kernel shares cores between sessions first (sched(7)).

Such a kernel gives each session the same share of a core whatever the niceness of its threads: a
busy process in another session took 1.09 s of 3 s beside a worker at -20, and 0.04 s of them once
the worker's session was at -20, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

_FIRST = "-20"
_TRIES, _PAUSE_S = 4, 0.04
"""Who is not the machine's own root may say so ten times a second, all processes together."""
_ENABLED = Path("/proc/sys/kernel/sched_autogroup_enabled")


def put_ahead(pid: int) -> None:
    """Put the process's session ahead of others, if there are such shares and we may say so."""
    for attempt in range(_TRIES):
        try:
            _write(pid)
        except OSError as error:
            if error.errno == errno.EAGAIN and attempt < _TRIES - 1:
                time.sleep(_PAUSE_S)
                continue
        return


def available() -> bool | str:
    """Whether a session can be put ahead of others here; a word if that is not needed."""
    with contextlib.suppress(OSError):
        if _ENABLED.read_text().strip() == "1":
            return _works()
    return "not needed (sessions have no shares of their own)"


def _works() -> bool:
    """In a child with a session of its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            put_ahead(os.getpid())
            said = Path("/proc/self/autogroup").read_text()
            code = 0 if said.split()[-1] == _FIRST else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0


def _write(pid: int) -> None:
    with open(f"/proc/{pid}/autogroup", "w") as stream:  # noqa: PTH123 - hot path
        stream.write(_FIRST)
