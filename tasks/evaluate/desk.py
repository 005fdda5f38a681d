"""Which free judge a batch gets: one that has its problem loaded, if there is one.

Loading a problem on a GPU takes seconds (inputs of gigabytes, answers in float64, the reference in
a worker), and one is held at a time. A problem's winners are measured again right after its last
candidate: a judge that came free waits that long for them before it turns to another problem.

A problem stays on the hardware that it was first judged on while a judge there lives: times of
unlike machines are not comparable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Condition
from typing import Generic, TypeVar

from tasks.errors import NoJudgeError

WITHOUT_S = 300.0
"""Seconds without a living judge until batches fail."""

T = TypeVar("T")


@dataclass
class _Idle(Generic[T]):
    judge: T
    problem: str | None
    since: float


class Desk(Generic[T]):
    """Judges that live, and which of them are free. Safe to use from several threads."""

    def __init__(
        self,
        judges: Iterable[T],
        grace_s: float,
        without_s: float = WITHOUT_S,
        mixed: Callable[[str, str], None] | None = None,
    ) -> None:
        """`judges`: those that live from the start.

        `grace_s`: seconds for which a judge is kept for the problem it holds.
        `without_s`: seconds without any judge after which `take` fails.
        `mixed`: told the hardware before and now when a problem has to change it.
        """
        self._idle = [_Idle(judge, None, 0.0) for judge in judges]
        self._living: dict[T, str | None] = {one.judge: None for one in self._idle}
        self._hardware: dict[str, str] = {}
        self._grace_s = grace_s
        self._without_s = without_s
        self._mixed = mixed
        self._none_since = time.monotonic()
        self._last_words = "none has started"
        self._closed = False
        self._changed = Condition()

    @property
    def idle(self) -> int:
        """How many are free."""
        with self._changed:
            return len(self._idle)

    def take(self, problem: str) -> T:
        """Wait for a judge for this problem. Raises NoJudgeError once there was none for long."""
        with self._changed:
            while True:
                if self._closed:
                    raise NoJudgeError("the judges were ended")
                chosen, wait_s = self._choose(problem)
                if chosen is not None:
                    self._idle.remove(chosen)
                    self._keep_hardware(problem, chosen.judge)
                    return chosen.judge
                if not self._living:
                    left = self._none_since + self._without_s - time.monotonic()
                    if left <= 0:
                        raise NoJudgeError(
                            f"no judge could be had for {self._without_s:.0f} s: {self._last_words}"
                        )
                    wait_s = left
                self._changed.wait(wait_s)

    def _choose(self, problem: str) -> tuple[_Idle[T] | None, float | None]:
        """A judge, or how long to wait at most (None: until something changes)."""
        idle = [one for one in self._idle if self._alike(problem, one.judge)]
        for one in idle:
            if one.problem == problem:
                return one, None
        if not idle:
            return None, None
        first = min(idle, key=lambda one: one.since)
        left = first.since + self._grace_s - time.monotonic()
        if first.problem is None or left <= 0:
            return first, None
        return None, left

    def _alike(self, problem: str, judge: T) -> bool:
        """Whether the judge's hardware is the problem's, or no judge with that lives."""
        wanted = self._hardware.get(problem)
        if wanted is None or wanted not in self._living.values():
            return True
        return self._living[judge] == wanted

    def _keep_hardware(self, problem: str, judge: T) -> None:
        now = self._living[judge]
        if now is None:
            return
        before = self._hardware.get(problem, now)
        self._hardware[problem] = now
        if before != now and self._mixed is not None:
            self._mixed(before, now)

    def give_back(self, judge: T, problem: str) -> None:
        """The judge is free, and holds `problem`."""
        with self._changed:
            self._idle.append(_Idle(judge, problem, time.monotonic()))
            self._changed.notify_all()

    def enter(self, judge: T, hardware: str | None) -> None:
        """A judge lives (again), and is free. `hardware`: the model of what it times on."""
        with self._changed:
            self._living[judge] = hardware
            self._idle.append(_Idle(judge, None, 0.0))
            self._changed.notify_all()

    def leave(self, judge: T, last_words: str) -> None:
        """A judge that was taken is dead."""
        with self._changed:
            self._last_words = last_words
            if judge in self._living:
                del self._living[judge]
                self._none_since = time.monotonic()
            self._changed.notify_all()

    def expect(self) -> None:
        """Judges are being started: from now on it counts how long there is none."""
        with self._changed:
            self._none_since = time.monotonic()

    def withdraw(self, judge: T, last_words: str) -> None:
        """Take a judge away once it is free. Raises NoJudgeError if that does not come about."""
        deadline = time.monotonic() + self._without_s
        with self._changed:
            while not (mine := [one for one in self._idle if one.judge == judge]):
                left = deadline - time.monotonic()
                if self._closed or left <= 0:
                    raise NoJudgeError(f"a judge did not come free: {self._last_words}")
                self._changed.wait(left)
            self._idle.remove(mine[0])
            self.leave(judge, last_words)

    def close(self) -> None:
        """Nobody waits any longer, nor ever again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def failed(self, last_words: str) -> None:
        """A judge could not be started: why, for those that wait in vain."""
        with self._changed:
            self._last_words = last_words
