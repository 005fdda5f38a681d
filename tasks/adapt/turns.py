"""Whose turn it is on the GPUs: policy, judges and trainer of a run, together or one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import Protocol

from tasks.adapt.actor import TrainerHandle
from tasks.sample.actor import PolicyHandle

PARTS = ("policy", "judges", "trainer")


@dataclass(frozen=True)
class Holding:
    """How many GPUs each part of a run holds while it is there, and how many there are for them.

    judges: at least. there: of the flow's machine; 0 on a cluster, where nobody says which of its
    GPUs the judges take.
    """

    policy: int = 0
    judges: int = 0
    trainer: int = 0
    there: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """Those that hold a GPU."""
        return tuple(one for one in PARTS if getattr(self, one))

    @property
    def in_turns(self) -> frozenset[str]:
        """Parts of which one at a time may be there: those that hold a GPU, where there are too few
        for all of them."""
        room = self.policy + self.judges + self.trainer <= self.there
        return frozenset() if room or len(self.parts) < 2 else frozenset(self.parts)

    @property
    def for_judges(self) -> int | None:
        """GPUs that judges take: all that the other parts leave. None: those that Ray has."""
        others = 0 if self.in_turns else self.policy + self.trainer
        return self.there - others if self.judges and self.there else None

    @property
    def told(self) -> str | None:
        """What was decided, in a line; None where no two parts want a GPU."""
        if len(self.parts) < 2:
            return None
        names = f"{', '.join(self.parts[:-1])} and {self.parts[-1]}"
        if self.in_turns:
            return f"{names} take turns on the GPU: each is ended before the next is started"
        counts = [f"{name} {getattr(self, name)}" for name in self.parts if name != "judges"]
        if self.judges:
            counts.append(f"judges {self.for_judges}")
        return f"{names} have GPUs of their own ({', '.join(counts)})"


class Judges(Protocol):
    """The part of a pool that turns need (see tasks.evaluate.pool.JudgePool)."""

    def leave(self) -> None: ...

    def come_back(self) -> list[int]: ...


class Turns:
    """Starts each part when it is first asked for, and keeps it. Parts that take turns are ended
    before another of them is started: what outlives a turn lies in the lake.

    For one thread at a time, and only while no part that takes turns is at work.
    """

    def __init__(
        self,
        holding: Holding,
        start_policy: Callable[[], PolicyHandle],
        start_trainer: Callable[[], TrainerHandle],
        judges: Judges,
        seated: Callable[[list[int]], object] = len,
    ) -> None:
        """seated: given the judges' process ids when they are there for the first time."""
        self.in_turns = holding.in_turns
        self._start_policy, self._start_trainer = start_policy, start_trainer
        self._judges, self._seated = judges, seated
        self._policy: PolicyHandle | None = None
        self._trainer: TrainerHandle | None = None
        self._first = True
        self._lock = RLock()

    def policy(self) -> PolicyHandle:
        """The process that draws. Raises what starting it raises."""
        with self._lock:
            self._make_room("policy")
            if self._policy is None:
                self._policy = self._start_policy()
            return self._policy

    def trainer(self) -> TrainerHandle:
        """The process that trains; what it raises in loading comes with its first call."""
        with self._lock:
            self._make_room("trainer")
            if self._trainer is None:
                self._trainer = self._start_trainer()
            return self._trainer

    def judges(self) -> None:
        """Returns once the judges are there. Raises what starting them raises."""
        with self._lock:
            self._make_room("judges")
            pids = self._judges.come_back()
            if self._first:
                self._first = False
                self._seated(pids)

    def close(self) -> None:
        """End policy and trainer; judges are ended with their pool."""
        with self._lock:
            self._end("policy")
            self._end("trainer")

    def _make_room(self, part: str) -> None:
        if part in self.in_turns:
            for other in self.in_turns - {part}:
                self._end(other)

    def _end(self, part: str) -> None:
        if part == "judges":
            self._judges.leave()
        elif part == "policy" and self._policy is not None:
            policy, self._policy = self._policy, None
            policy.close()
        elif part == "trainer" and self._trainer is not None:
            trainer, self._trainer = self._trainer, None
            trainer.close()
