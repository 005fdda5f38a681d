"""Niceness of a whole session, where the kernel shares cores between sessions first (sched(7)).

Such a kernel gives each session the same share of a core whatever the niceness of its threads: a
busy process in another session took 1.09 s of 3 s beside a worker at -20, and 0.04 s of them once
the worker's session was at -20, too.
"""

from __future__ import annotations

import errno
import os
import resource
import time
from pathlib import Path

from kernels_eval.sandbox import libc

_FIRST = -20
_NICE_RANGE = 40
_TRIES, _PAUSE_S = 4, 0.04
"""Who is not the machine's own root may say so ten times a second, all processes together."""
_ENABLED = Path("/proc/sys/kernel/sched_autogroup_enabled")


def put_ahead(pid: int) -> None:
    """Put the process's session ahead of others, if there are such shares and we may say so."""
    for attempt in range(_TRIES):
        try:
            with open(f"/proc/{pid}/autogroup", "w") as stream:  # noqa: PTH123 - hot path
                stream.write(str(_FIRST))
        except OSError as error:
            if error.errno == errno.EAGAIN and attempt < _TRIES - 1:
                time.sleep(_PAUSE_S)
                continue
        return


def shares() -> bool:
    """Whether sessions have shares of their own."""
    try:
        return _ENABLED.read_text().strip() == "1"
    except OSError:
        return False


def available() -> bool | str:
    """Whether a judge in its container can put a worker ahead of others; else why not.

    It has no rights but its limits' there: tried in a child that gives up its own.
    """
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = _tried()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 1:
        return "no right to (RLIMIT_NICE, which CAP_SYS_RESOURCE raises)"
    return code == 0 or "the kernel takes no niceness for sessions"


def _tried() -> int:
    """0: it works; 1: threads cannot be put ahead; 2: sessions cannot."""
    os.setsid()
    try:
        resource.setrlimit(resource.RLIMIT_NICE, (_NICE_RANGE, _NICE_RANGE))
        libc.drop_capabilities()
        os.setpriority(os.PRIO_PROCESS, 0, _FIRST)
    except (OSError, ValueError):
        return 1
    if not shares():
        return 0
    put_ahead(os.getpid())
    said = Path("/proc/self/autogroup").read_text()
    return 0 if said.split()[-1] == str(_FIRST) else 2
