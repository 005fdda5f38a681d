"""Which free judge a batch gets: one that has its problem loaded, if there is one.

Loading a problem on a GPU takes seconds (inputs of gigabytes, answers in float64, the reference in
a worker), and one is held at a time. A problem's winners are measured again right after its last
candidate: a judge that came free waits that long for them before it turns to another problem.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Idle(Generic[T]):
    judge: T
    problem: str | None
    since: float


class Desk(Generic[T]):
    """Free judges. Safe to use from several threads."""

    def __init__(self, judges: Iterable[T], grace_s: float) -> None:
        """`grace_s`: seconds for which a judge is kept for the problem it holds."""
        self._idle = [_Idle(judge, None, 0.0) for judge in judges]
        self._grace_s = grace_s
        self._changed = Condition()

    @property
    def idle(self) -> int:
        """How many are free."""
        with self._changed:
            return len(self._idle)

    def take(self, problem: str) -> T:
        """Wait for a judge for this problem."""
        with self._changed:
            while True:
                chosen, wait_s = self._choose(problem)
                if chosen is not None:
                    self._idle.remove(chosen)
                    return chosen.judge
                self._changed.wait(wait_s)

    def _choose(self, problem: str) -> tuple[_Idle[T] | None, float | None]:
        """A judge, or how long to wait at most (None: until one is given back)."""
        for one in self._idle:
            if one.problem == problem:
                return one, None
        if not self._idle:
            return None, None
        first = min(self._idle, key=lambda one: one.since)
        left = first.since + self._grace_s - time.monotonic()
        if first.problem is None or left <= 0:
            return first, None
        return None, left

    def give_back(self, judge: T, problem: str) -> None:
        """The judge is free, and holds `problem`."""
        with self._changed:
            self._idle.append(_Idle(judge, problem, time.monotonic()))
            self._changed.notify_all()
