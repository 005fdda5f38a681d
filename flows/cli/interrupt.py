"""Ctrl-C: one line that says how to go on, instead of a log of every task that it ended."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def quiet_interrupt() -> Iterator[None]:
    """Within the block an interrupt silences all logging before it is raised.

    What was interrupted is not wrong, and each of a hundred tasks would say so at length.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        logging.disable(logging.CRITICAL)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
