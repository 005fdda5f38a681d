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
    """Threads count as processes. Not enforced by the kernel for uid 0. `process_limit` adds what
    the kernel counts beside the worker's."""
    timers: int = 64
    """Signals that may be queued, hence POSIX timers. 24,000 of them, armed while nobody looks,
    made the reference three times slower by their interrupts."""


def apply(limits: Limits, address_space: bool) -> None:
    """Set the limits on this process; soft and hard, so they cannot be raised again.

    `address_space=False` counts writable private memory only: CUDA reserves terabytes of addresses.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_MEMLOCK: 64 << 20,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: limits.timers,
    }
    if address_space:
        wanted[resource.RLIMIT_AS] = _memory_bytes(0) + limits.memory_bytes
    else:
        wanted[resource.RLIMIT_DATA] = _memory_bytes(5) + limits.memory_bytes
    for which, amount in wanted.items():
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            amount = min(amount, hard)
        resource.setrlimit(which, (amount, amount))


def _memory_bytes(field: int) -> int:
    """Addresses (0) or data and stack (5) of this process, by proc(5)'s statm."""
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - no pathlib in the forked child
        return int(statm.read().split()[field]) * resource.getpagesize()
