"""What memory allows: no kernel moves its inputs and outputs faster than the memory does.

bound_ms = (bytes of inputs + bytes of outputs) / bandwidth. Caches move bytes faster, so the bound
is only stated where inputs and outputs of one call exceed the last-level cache four times over, and
only convicts a time below half of it (a kernel may rightly skip what it knows to be zero), on a
problem whose reference respects it (a lookup reads few of its inputs). A machine whose neighbours
were busy when it was measured looks slow: before a conviction memory is measured again, several
times, and the best that it ever did counts.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

_BUFFER_BYTES = 96 << 20
_REPEATS = 3
_CACHES = 4
_SHARE = 0.5
_UNKNOWN_CACHE = 64 << 20


class Mover(Protocol):
    """What moves bytes: a device."""

    def cache_bytes(self) -> int: ...

    def bandwidth(self, *, again: bool = False) -> float: ...


def bound_ms(call_bytes: int, device: Mover, reference_ms: float) -> float | None:
    """Least milliseconds of one call; None where caches or the problem make it meaningless."""
    if call_bytes < _CACHES * device.cache_bytes():
        return None
    bound = call_bytes / device.bandwidth() * 1e3
    return bound if reference_ms >= bound else None


class Best:
    """The highest bandwidth seen, in bytes per second; measured when first asked."""

    def __init__(self, measure: Callable[[], float]) -> None:
        self._measure = measure
        self._best = 0.0

    def __call__(self, *, again: bool = False) -> float:
        if again or not self._best:
            self._best = max(self._best, self._measure())
        return self._best


def impossible(runtime_ms: float, bound: float | None) -> bool:
    return bound is not None and runtime_ms < _SHARE * bound


@functools.cache
def cpu_cache_bytes() -> int:
    """Size of the largest cache of core 0, from sysfs; 64 MB if it does not say."""
    sizes = []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
        if text[-1:] in units and text[:-1].isdigit():
            sizes.append(int(text[:-1]) * units[text[-1]])
    return max(sizes, default=_UNKNOWN_CACHE)


def cpu_bandwidth(cores: tuple[int, ...]) -> float:
    """Bytes per second that these cores move: the best of reading and of copying, three times each.

    On a buffer of 96 MB or three last-level caches. Copying counts the bytes read and written.
    """
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(len(cores))
    try:
        size = max(_BUFFER_BYTES, 3 * cpu_cache_bytes())
        source = torch.ones(size // 4, dtype=torch.float32)
        target = torch.zeros_like(source)
        best = 0.0
        for _ in range(_REPEATS):
            started = time.perf_counter()
            source.max()
            read = time.perf_counter()
            target.copy_(source)
            copied = time.perf_counter()
            best = max(best, size / (read - started), 2 * size / (copied - read))
        return best
    finally:
        torch.set_num_threads(threads)
        os.sched_setaffinity(0, before)
