"""SIGINT, SIGTERM and SIGHUP end a command in good order: what it started is ended, too."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked this process to end. No `Exception`: nothing on the way handles it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_status = 128 + number


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first of these signals raises `Interrupted`; later ones do not disturb the end.

    A signal that is ignored (nohup's SIGHUP) stays so. For the main thread.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number in _SIGNALS if before[number] != signal.SIG_IGN]

    def interrupt(number: int, _: object) -> NoReturn:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
