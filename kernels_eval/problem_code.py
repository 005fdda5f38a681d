"""What a problem's own code may not leave behind in the process that it shares with the judge.

A bare `os.fork()` comes back as two processes that run the judge: the copy would ask for workers,
answer requests and remove directories beside its original. (`multiprocessing` ends its children
itself.) A timer's handler would raise in the middle of the judge's work. And code that does not
end is seen from outside only.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

# Bound before any problem is loaded: some replace what modules hold.
process_id, _end, _clock = os.getpid, os._exit, time.monotonic_ns
_set_timer, _set_handler, _handler = signal.setitimer, signal.signal, signal.getsignal
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_THEIR_SIGNALS = (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF)


class Stopwatch:
    """How long a problem's code has been running; a process forked later may read it."""

    def __init__(self) -> None:
        self._words = memoryview(mmap.mmap(-1, 16)).cast("q")  # since when; before that, in all

    def start(self) -> bool:
        """Whether it was not running yet."""
        if self._words[0]:
            return False
        self._words[0] = _clock()
        return True

    def stop(self) -> None:
        self._words[1] += _clock() - self._words[0]
        self._words[0] = 0

    def seconds(self) -> float:
        """In all, with what is under way."""
        since, before = self._words
        return (before + (_clock() - since if since else 0)) / 1e9


_watch: Stopwatch | None = None


def watch_with(stopwatch: Stopwatch) -> None:
    """This process is a problem's own from now on, and tells with it how long its code runs."""
    global _watch
    _watch = stopwatch


@contextlib.contextmanager
def problem_code() -> Iterator[None]:
    """Around code of a problem. A copy of this process ends where it would leave the block; in a
    process of the problem's own timers are off afterwards, and their handlers what they were."""
    original, watch = process_id(), _watch
    started = watch is not None and watch.start()
    handlers = [_handler(one) for one in _THEIR_SIGNALS] if started else []
    try:
        yield
    finally:
        end_copy(original)
        if started and watch is not None:
            _disarm(handlers)
            watch.stop()


def stop_timers() -> None:
    """Of this process, whoever set them."""
    for timer in _TIMERS:
        _set_timer(timer, 0)


def _disarm(handlers: list[Any]) -> None:
    stop_timers()
    for number, handler in zip(_THEIR_SIGNALS, handlers, strict=True):
        if _handler(number) is not handler:
            _set_handler(number, handler)


def end_copy(original: int) -> None:
    """End this process if it is not the one of that id."""
    if process_id() != original:
        _end(0)
