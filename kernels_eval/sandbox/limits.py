"""Resource limits of one candidate: memory, processes, file size, open files, no core dumps."""

from __future__ import annotations

import resource
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bytes and counts, beyond what the fork server's own copy already holds."""

    memory_bytes: int = 4 << 30
    file_bytes: int = 1 << 30
    open_files: int = 512
    processes: int = 128
    """Threads count as processes. Not enforced by the kernel for uid 0."""


def apply(limits: Limits, address_space: bool) -> None:
    """Set the limits on this process; soft and hard, so they cannot be raised again.

    `address_space=False` leaves virtual memory free (CUDA reserves far more than it uses).
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_MEMLOCK: 64 << 20,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if address_space:
        wanted[resource.RLIMIT_AS] = _virtual_bytes() + limits.memory_bytes
    for which, amount in wanted.items():
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            amount = min(amount, hard)
        resource.setrlimit(which, (amount, amount))


def _virtual_bytes() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - no pathlib in the forked child
        return int(statm.read().split()[0]) * resource.getpagesize()
