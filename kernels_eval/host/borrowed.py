"""A fork server that the parent process started, used by a forked child of it.

The server itself runs no problem's code, so one serves all problems.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections import deque

from kernels_eval.processes.forkserver import ForkServer

_NUMBERS = 1 << 20
"""Workers of one borrower: their directories' names tell them apart."""


class BorrowedForkServer(ForkServer):
    """The same server, with workers of this process's own; `close` ends those alone."""

    def __init__(self, lender: ForkServer, borrower: int) -> None:
        """`borrower`: which one, counted from 0. Made in the child."""
        self.__dict__.update(lender.__dict__)
        self._ready = deque()
        self._number = _NUMBERS * borrower
        self._ids, self._used = [], 0  # the blocks of ids that follow are this process's
        self._ended = os.pidfd_open(lender.pid)

    def alive(self) -> bool:
        """The lender alone can wait for it."""
        return not select.select([self._ended], [], [], 0)[0]

    def kill(self) -> None:
        """The lender sees that it is gone, and starts another one."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._ended, signal.SIGKILL)

    def close(self) -> None:
        while self._ready:
            self._ready.popleft().close()
        while self._ids:
            self._ids.pop().close()
        with contextlib.suppress(OSError):
            os.close(self._ended)
