"""A candidate on its way to being timed: imported, built, and on a GPU called once.

All of it may happen while another candidate is being checked, and none of it while one is timed:
then every pending worker is stopped, and its time stands still.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from kernels_eval.disturbance import Disturbance, Room
from kernels_eval.errors import HarnessError, OutOfRoomError, refused
from kernels_eval.failures import Failed
from kernels_eval.problems.sets import InputSet
from kernels_eval.processes import control
from kernels_eval.processes.worker import WorkerError, WorkerLostError, WorkerTimeoutError
from kernels_eval.timing.batch import Batch
from kernels_eval.timing.runner import CandidateFailedError, LateWorkError, Runner
from kernels_eval.types import Finding

_FAILURES = (CandidateFailedError, WorkerError, LateWorkError, HarnessError, OutOfRoomError)


class Stage(enum.Enum):
    STARTING = "start"
    IMPORTING = "import"
    BUILT = "built"
    PREPARING = "laying out arguments"
    CALLING = "the first call"
    CALLED = "called"


@dataclass
class Pending:
    """One candidate and its worker. `advance` never waits; whoever waits polls the worker."""

    index: int
    source: str
    findings: tuple[Finding, ...]
    runner: Runner
    timeout_s: float
    pack: Callable[[InputSet], InputSet]
    """Of the problem: leaves out of a set what can be had again."""
    room: Room
    builds: bool = False
    """Whether its import runs compilers for long."""
    again: bool = False
    """Whether it was measured before, and doubted."""
    accepted: float = field(default_factory=time.monotonic)
    stage: Stage = Stage.STARTING
    failure: Failed | HarnessError | OutOfRoomError | None = None
    took_ns: int = 0
    """Import and construction, by the worker's clock."""
    started: float = field(default_factory=time.monotonic)
    first: Batch | None = None
    first_set: InputSet | None = None
    """What the first call was made on, without its inputs once they are written."""
    sets: Iterator[InputSet] | None = None
    disturbed: Disturbance | None = None
    """Why it may have failed through no fault of its own."""
    _paused: float | None = None

    def __post_init__(self) -> None:
        self.deadline = self.started + self.timeout_s

    @property
    def settled(self) -> bool:
        """Whether nothing is under way: failed, built (no first call asked for), or called."""
        return self.failure is not None or self.stage in (Stage.BUILT, Stage.CALLED)

    @property
    def stands_still(self) -> bool:
        """Whether its first call, or what precedes it, used up half of its time, or all."""
        if self.failure is not None:
            return isinstance(self.failure, WorkerTimeoutError) and self.was_called
        left_s = self.deadline - time.monotonic()
        return self.was_called and not self.settled and left_s < self.timeout_s / 2

    @property
    def was_called(self) -> bool:
        """Whether its first call has begun: it holds memory, and may have left work behind."""
        return self.stage not in (Stage.STARTING, Stage.IMPORTING, Stage.BUILT)

    @property
    def was_built(self) -> bool:
        """Whether it was imported and constructed."""
        return self.stage not in (Stage.STARTING, Stage.IMPORTING)

    def advance(self) -> bool:
        """Take one step if the worker has answered; whether it did. Failures are kept."""
        if self.settled:
            return False
        if not self.runner.worker.message_waits():
            if time.monotonic() > self.deadline:
                self.failure = self._overdue()
            return False
        try:
            self._step()
        except _FAILURES as failure:
            self._keep(failure)
        except (OSError, MemoryError) as failure:
            self._keep(refused(failure))
        return True

    def _overdue(self) -> WorkerError:
        """What running out of time means."""
        if self.stage is Stage.STARTING:
            return WorkerLostError(f"the worker did not come up within {self.timeout_s:g} s")
        return WorkerTimeoutError()

    def _step(self) -> None:
        if self.stage is Stage.STARTING:
            self.runner.up(self.deadline)
            self.stage = Stage.IMPORTING
        elif self.stage is Stage.IMPORTING:
            self.took_ns = self.runner.ready(self.deadline)
            self.stage = Stage.BUILT
        elif self.stage is Stage.PREPARING:
            assert self.first_set is not None
            self.runner.load([self.first_set], self.deadline, quiet=False)
            self.first_set = self.pack(self.first_set)
            self.runner.go(1)
            self.deadline = time.monotonic() + self.timeout_s
            self.stage = Stage.CALLING
        elif self.stage is Stage.CALLING:
            self.first = self.runner.done(self.deadline)
            self.stage = Stage.CALLED

    def call(self, sets: Iterator[InputSet]) -> None:
        """Begin the first call, on the first of `sets`."""
        self.sets = sets
        try:
            self.first_set = next(sets)
            self.deadline = time.monotonic() + self.timeout_s
            self.runner.ask(1)
            self.stage = Stage.PREPARING
        except _FAILURES as failure:
            self._keep(failure)
        except (OSError, MemoryError) as failure:
            self._keep(refused(failure))

    def _keep(self, failure: Failed | HarnessError | OutOfRoomError) -> None:
        """Without the frames that it passed: they hold tensors, and would until a collection."""
        failure.__context__ = None
        self.failure = failure.with_traceback(None)

    def pause(self, deep: bool) -> None:
        """Stop the worker (`deep`: and the processes below it) while another one is timed."""
        if self.settled or (self._paused is not None and not deep):
            return
        self._paused = self._paused or time.monotonic()
        with _gone_is_fine():
            control.signal_tree(self.runner.worker.pid, stop=True, deep=deep)

    def carry_on(self) -> None:
        """Go on; the deadline moves by as long as the pause was."""
        if self._paused is None:
            return
        self.deadline += time.monotonic() - self._paused
        self._paused = None
        with _gone_is_fine():
            control.signal_tree(self.runner.worker.pid, stop=False, deep=True)


class _gone_is_fine:  # noqa: N801 - reads as a phrase
    """A worker that has ended says so when it is next asked."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, ProcessLookupError)


def wait_any(items: Iterable[Pending], timeout_s: float) -> None:
    """Until one of the workers has answered, or the time is over."""
    import select

    poll = select.poll()
    for item in items:
        for descriptor in item.runner.worker.channels():
            poll.register(descriptor, select.POLLIN)
    poll.poll(timeout_s * 1000)
