"""Candidates that run compilers share the cores, and get longer for it."""

from __future__ import annotations

import time
from collections.abc import Collection

from kernels_eval.pending import Pending, Stage


class Share:
    """Stretches time limits while compilers run, and more is under way than there are cores.

    Each gets a share of a core then, and that it gets no more is not its own doing. Measured on an
    H200's host: 14 builds at once on 12 cores took 52 s each where one took 30.
    """

    def __init__(self, cores: int, compilers: int) -> None:
        """`compilers`: that a candidate runs at once."""
        self._cores = cores
        self._compilers = compilers
        self._seen = time.monotonic()

    def stretch(self, items: Collection[Pending]) -> None:
        """For the time since the last call: limits move by what the cores did not give."""
        now = time.monotonic()
        passed, self._seen = now - self._seen, now
        busy = [item for item in items if not item.settled]
        building = sum(item.builds and item.stage is Stage.IMPORTING for item in busy)
        if not building:
            return
        wanted = len(busy) + (self._compilers - 1) * building
        missing = max(0.0, 1 - self._cores / wanted)
        for item in busy:
            item.deadline += missing * min(passed, now - item.started)
