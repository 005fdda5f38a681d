"""How many processes the kernel must count before it refuses a worker another one (RLIMIT_NPROC).

The kernel counts the processes and threads of a user id, not those of a worker. Where a worker has
an id of its own, or a user namespace with its own count (Linux 5.14), that is the same. Elsewhere
everything else that the user runs counts as well, a browser's 130 threads for one, and processes of
other containers that cannot be seen from here.
"""

from __future__ import annotations

import os
import resource

_FEW = 4
"""A process and its first child fit in, if nothing else is counted."""
_APART = 16
"""Above what is seen: how finely the count is searched."""
_SLACK = 512
"""That the user's other processes may grow by while a worker lives."""


def process_limit(wanted: int, user: int | None) -> int:
    """RLIMIT_NPROC for a worker that may start `wanted` processes, threads among them.

    `user`: the worker's own id; None if it keeps this process's. Call it in a process of one
    thread that is in the worker's user namespace, and not about to enter a namespace of processes.
    """
    if user is not None:
        return wanted
    if os.geteuid() != 0 and _can_fork(_FEW):
        return wanted
    counted = _seen(os.geteuid()) + _APART
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    while not _can_fork(counted) and (counted < most or most == resource.RLIM_INFINITY):
        counted *= 2
    return counted + wanted + _SLACK


def _can_fork(limit: int) -> bool:
    """Whether the kernel counts fewer than `limit` now."""
    before = resource.getrlimit(resource.RLIMIT_NPROC)
    soft, hard = before
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, hard))
    try:
        child = os.fork()
        if child == 0:
            os._exit(0)
    except OSError:
        return False
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    os.waitpid(child, 0)
    return True


def _seen(user: int) -> int:
    """Processes and threads of a user, as far as they can be seen here."""
    return sum(
        _threads(f"/proc/{name}/status", user)
        for name in os.listdir("/proc")  # noqa: PTH208 - no pathlib in the forked child
        if name.isdigit()
    )


def _threads(path: str, user: int) -> int:
    """Of one process; 0 if it is another user's, or gone."""
    try:
        with open(path) as told:  # noqa: PTH123
            fields = dict(line.split(":", 1) for line in told if ":" in line)
        return int(fields["Threads"]) if int(fields["Uid"].split()[0]) == user else 0
    except (OSError, LookupError, ValueError):
        return 0
