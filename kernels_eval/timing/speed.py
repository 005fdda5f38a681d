"""How fast the timing core is now: the other thread of its physical core may be somebody else's.

A virtual machine cannot see, let alone keep quiet, what shares a physical core with it. Measured:
on an H100's host a fixed loop takes 12 µs or 21, on a 2-core virtual machine 24 or 40, in phases of
some tens of milliseconds; what a process takes to launch a kernel follows (correlation 0.8 to 0.9).
No account of the guest's says so, only a loop does. Kernels on the CPU follow, too, but both sides
of a pair alike: leaving slow pairs out halves the variance there and takes 1.7 times as many pairs,
so it is not done.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections import deque

import numpy as np

_STEPS = 1000
_TRIES = 3
_KNOWN = 4096
_FIRST, _APART_S = 32, 0.002
"""Readings before the first that is asked for, so that it can be compared; seconds between them."""
_FAST_SHARE = 0.02
"""Of the readings are taken for what the core can do; the very best may be luck."""
_SLOW = 1.2
"""Times that, and the core counts as slowed: frequencies differ by less, a busy other thread by
half at least."""


class Speedometer:
    """Times a fixed piece of interpreter work on the timing core, while no worker runs there."""

    def __init__(self, cores: tuple[int, ...]) -> None:
        """`cores`: that time. Of none or several it says nothing: work there goes to and fro."""
        self._cores = cores
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._readings: deque[int] = deque(maxlen=_KNOWN)

    def read(self) -> int:
        """Nanoseconds of the loop, the best of three; 0 unless there is one core."""
        if len(self._cores) != 1:
            return 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="speedometer", daemon=True)
            self._thread.start()
        self._asked.put(True)
        reading = self._told.get()
        self._readings.append(reading)
        return reading

    def slowness(self, reading: int) -> float:
        """How many times as long as at full speed the loop took; 1 if nothing is known."""
        if not self._readings:
            return 1.0
        return max(1.0, reading / float(np.quantile(self._readings, _FAST_SHARE)))

    def slowed(self, reading: int) -> bool:
        """Whether the core was slower then than it can be."""
        return self.slowness(reading) > _SLOW

    def wait(self, seconds: float) -> float:
        """Until the core is at full speed, so long at most; seconds that took."""
        started = time.monotonic()
        while self.slowed(self.read()):
            if time.monotonic() - started > seconds:
                break
            time.sleep(_APART_S)
        return time.monotonic() - started

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._asked.put(False)
            thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, self._cores)  # of this thread
        for _ in range(_FIRST):
            self._readings.append(_reading_ns())
            time.sleep(_APART_S)
        while self._asked.get():
            self._told.put(_reading_ns())


def _reading_ns() -> int:
    return min(_loop_ns() for _ in range(_TRIES))


def _loop_ns() -> int:
    started = time.perf_counter_ns()
    for _ in range(_STEPS):
        pass
    return time.perf_counter_ns() - started
