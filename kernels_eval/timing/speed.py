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
import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

_STEPS = 1000
_TRIES = 3
_KNOWN = 4096
_FIRST, _APART_S = 32, 0.002
"""Readings before the first that is asked for, so that it can be compared; seconds between them."""
_FAST_SHARE = 0.02
"""Of the readings are taken for what the core can do; the very best may be luck."""
SLOW = 1.2
"""Times that, and the core counts as slowed: frequencies differ by less, a busy other thread by
half at least."""


class Speedometer:
    """Times a fixed piece of interpreter work on a timing core, while no worker runs there.

    Of several cores it knows one to time on: who is slow now may be left for another.
    """

    def __init__(self, cores: tuple[int, ...], *, one_at_a_time: bool) -> None:
        """`one_at_a_time`: else all are timed on together, and nothing is said of their speed."""
        self._cores = cores
        self._one = one_at_a_time
        self._core = cores[-1] if cores else 0
        self._asked: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._readings: deque[int] = deque(maxlen=_KNOWN)
        self._left_s = math.inf

    @property
    def cores(self) -> tuple[int, ...]:
        """To time on now."""
        return (self._core,) if self._one else self._cores

    def read(self) -> int:
        """Nanoseconds of the loop on that core, the best of three; 0 if several time at once."""
        return self._read(self._core) if self._one else 0

    def slowness(self, reading: int) -> float:
        """How many times as long as at full speed the loop took; 1 if nothing is known."""
        if not self._readings:
            return 1.0
        return max(1.0, reading / float(np.quantile(self._readings, _FAST_SHARE)))

    def slowed(self, reading: int) -> bool:
        """Whether the core was slower then than it can be."""
        return self.slowness(reading) > SLOW

    def allow(self, seconds: float) -> None:
        """So much may be waited from now on, in all."""
        self._left_s = seconds

    def settle(self, seconds: float) -> None:
        """Take a core that is at full speed, or the fastest of them when so long has passed."""
        if self._one:
            self._wait(self._found_full_speed, seconds)

    def steady(self, seconds: float) -> int:
        """What is read on that core as soon as it is at full speed, or when so long has passed."""
        reading = 0

        def at_full_speed() -> bool:
            nonlocal reading
            reading = self.read()
            return not self.slowed(reading)

        self._wait(at_full_speed, seconds)
        return reading

    def _wait(self, found: Callable[[], bool], seconds: float) -> None:
        started = time.monotonic()
        ends = started + min(seconds, self._left_s)
        while not found() and time.monotonic() < ends:
            time.sleep(_APART_S)
        self._left_s -= time.monotonic() - started

    def _found_full_speed(self) -> bool:
        """Look at this core first, then at the others; the fastest seen is taken."""
        found: dict[int, int] = {}
        for core in (self._core, *(core for core in self._cores if core != self._core)):
            found[core] = self._read(core)
            if not self.slowed(found[core]):
                self._core = core
                return True
        self._core = min(found, key=lambda core: found[core])
        return False

    def _read(self, core: int) -> int:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="speedometer", daemon=True)
            self._thread.start()
        self._asked.put(core)
        reading = self._told.get()
        self._readings.append(reading)
        return reading

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._asked.put(None)
            thread.join()

    def _serve(self) -> None:
        _move(self._core)
        for _ in range(_FIRST):
            self._readings.append(_reading_ns())
            time.sleep(_APART_S)
        while (core := self._asked.get()) is not None:
            _move(core)
            self._told.put(_reading_ns())


def slow_share(core: int, seconds: float = 0.5) -> float:
    """Of so long a look, the share in which this core was slower than it can be; 0 to 1."""
    with contextlib.closing(Speedometer((core,), one_at_a_time=True)) as speed:
        readings = [speed.read()]
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(_APART_S)
            readings.append(speed.read())
        return sum(map(speed.slowed, readings)) / len(readings)


def _move(core: int) -> None:
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, (core,))  # of this thread


def _reading_ns() -> int:
    return min(_loop_ns() for _ in range(_TRIES))


def _loop_ns() -> int:
    started = time.perf_counter_ns()
    for _ in range(_STEPS):
        pass
    return time.perf_counter_ns() - started
