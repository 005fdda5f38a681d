"""One built worker, run in batches on inputs it has not seen, timed by two clocks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from kernels_eval.devices.base import Memory, StirredError
from kernels_eval.problems.sets import InputSet
from kernels_eval.processes.worker import (
    Worker,
    WorkerError,
    WorkerForgedError,
    WorkerLostError,
    WorkerTimeoutError,
    accounts,
)
from kernels_eval.timing.batch import Batch
from kernels_eval.timing.speed import Speedometer
from kernels_eval.truth.difference import Off, off
from kernels_eval.truth.fixed import as_fixed
from kernels_eval.truth.together import worst_distance
from kernels_eval.worker.protocol import Command, Failure, Job, Message, OutputSpec, Report

_LOOK_OUT_S = 0.02
"""Longer than most batches take."""
_BEFORE, _AFTER = "while inputs were written", "after the clock had stopped"
_FEW, _LARGE_BYTES = 4, 64 << 20
"""Calls whose outputs KernelBench's tolerance is asked about: one, where they are so large."""
_PATIENCE = 4
"""Times the limit for one answer that all of a candidate's answers may take together."""


Settle = Callable[[InputSet, int, torch.Tensor], torch.Tensor]
"""An answer to a set at one place, with the reference's where another is right as well."""


class CandidateFailedError(Exception):
    """The worker reported a failure of its own."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.text)
        self.failure = message.failure
        self.text = message.text
        self.processes = message.value
        """That it had when it was refused another, by its own account; else 0."""


class LateWorkError(Exception):
    """Work of the candidate went on after its last call had returned."""

    def __init__(
        self, text: str = "the candidate used other processes inside or after its timed calls"
    ) -> None:
        super().__init__(text)


@dataclass(frozen=True)
class _Accounts:
    """The kernel's: nanoseconds so far."""

    cpu: int
    main: int
    waited: int
    judge_waited: int


@dataclass(frozen=True)
class _End:
    """Readings when the clock stopped."""

    at_ns: int = 0
    waited_ns: int = 0
    judge_waited_ns: int = 0


@dataclass(frozen=True)
class _Start:
    """Readings at the moment the worker was let go."""

    calls: int
    at_ns: int
    accounts: _Accounts


@dataclass(frozen=True)
class Wrong:
    """What is wrong with the last run's outputs."""

    output: int
    spec: OutputSpec
    off: Off
    """Complex numbers are two."""
    one_memory: bool
    """All calls returned the same memory, and the last one's answer is right."""


class Runner:
    """Runs batches on one worker. While no batch is under way no thread of the worker runs.

    A batch is `ask`, `load`, `go`, `done`; `run` does all four. In between the judge may look after
    other workers, as long as nothing is being timed.
    """

    def __init__(self, worker: Worker, job: Job, memory: Memory, speed: Speedometer) -> None:
        """Starts the job. Raises WorkerEndedError."""
        self._speed = speed
        self.worker = worker
        self.job = job
        self.memory = memory
        self._room = 0
        self._started: _Start | None = None
        self._ended = _End()
        self._turn = self._accepted = 0
        self._quiet = self._traffic = False
        self._asked_at = self._prepared_s = self._ran_s = 0.0
        self._asked_ns = (0, 0)
        self._prepared_ns = 0
        self.settled = 0
        """Outputs that were right although the reference's are others."""
        self.overwritten = ""
        """Names of weights of its own that the reference's took the place of: its word."""
        worker.start(job, memory.report)

    def up(self, deadline: float) -> None:
        """Wait for the process to have its device. No line of the candidate has run by then.

        Raises WorkerLostError for whatever happened instead.
        """
        try:
            self._expect(Report.UP, deadline)
        except (CandidateFailedError, WorkerError) as error:
            raise WorkerLostError(f"the worker did not come up: {error!r}") from None

    def ready(self, deadline: float) -> int:
        """Wait for import and construction; nanoseconds they took by the worker's clock.

        The worker is stopped then. Raises CandidateFailedError and the worker's errors.
        """
        message = self._expect(Report.READY, deadline)
        self.overwritten = message.text
        self.worker.stop()
        self.worker.kill_helpers()
        return message.value

    def _expect(self, report: Report, deadline: float) -> Message:
        while True:
            message = self.worker.receive(deadline)
            if message.report is Report.SEGMENT and report is Report.DONE:
                offered, self.worker.offered = self.worker.offered, []
                if self._quiet:  # nothing can be mapped while a kernel runs
                    self._check_watched(_AFTER)
                self.memory.accept(message, offered)
                self._accepted += 1
                if time.monotonic() > deadline:
                    raise WorkerTimeoutError
                continue
            if message.report is Report.FAILED and message.failure is not Failure.NONE:
                raise CandidateFailedError(message)
            if message.report is not report:
                raise WorkerForgedError(
                    f"a {message.report.name} message where {report.name} was due"
                )
            return message

    def run(self, sets: Sequence[InputSet], timeout_s: float, *, steady_s: float = 0.0) -> Batch:
        """Call once per set. The outputs stay in the stopped worker until the next run.

        steady_s: for the timing core to be at full speed before the clock starts, at most.

        The inputs are written while the worker is stopped, and the clock runs from the moment it is
        let go until no thread of it runs any more: it never has the inputs outside that interval.
        Raises CandidateFailedError, LateWorkError, NotQuietError, StirredError and the worker's
        errors; WorkerTimeoutError also if all runs together took too long, preparation included.
        """
        if self._ran_s > _PATIENCE * timeout_s and not self.job.trusted:
            raise WorkerTimeoutError(f"its calls took more than {_PATIENCE * timeout_s:g} s in all")
        if self.worker.stopped:
            self._check_stayed()  # its reference was timed meanwhile, perhaps
        self.ask(len(sets))
        try:
            self.load(sets, time.monotonic() + timeout_s, quiet=True)
            before_ns = self._speed.steady(steady_s)
            self.go(len(sets))
            batch = self.done(time.monotonic() + timeout_s)
        except BaseException:
            self.memory.stop_watching()
            raise
        self._ran_s += self._prepared_s + batch.wall_ns / 1e9
        return replace(batch, core_ns=max(before_ns, self._speed.read()))

    def ask(self, calls: int) -> None:
        """Have the worker drop its outputs and lay out the arguments of `calls` calls."""
        self._asked_at = time.monotonic()
        self._asked_ns = self._cpu_ns()
        self.worker.resume()
        if calls > self._room:
            descriptor, self._room = self.memory.reserve(calls)
            self.worker.attach(descriptor, self._room, self.memory.spare_bytes)
        self.worker.send(Command.PREPARE, calls, self.memory.place(calls))

    def load(self, sets: Sequence[InputSet], deadline: float, *, quiet: bool) -> None:
        """Write the inputs behind the stopped worker's back.

        `quiet`: only once nothing computes on the device. Raises NotQuietError.
        """
        self._expect(Report.PREPARED, deadline)
        self.worker.stop()
        self._prepared_s = time.monotonic() - self._asked_at
        self._prepared_ns = self._used_since_asked()
        if self.worker.helpers():
            self.worker.kill_helpers()
        self._quiet = quiet
        if quiet:
            self.memory.wait_quiet()
        self.memory.write(sets)

    def _cpu_ns(self) -> tuple[int, int]:
        """Of the main thread, and of all others."""
        main = self.worker.main_thread_ns()[0]
        return main, self.worker.cpu_ns() - main

    def _used_since_asked(self) -> int:
        """CPU time, as `Batch.prepared_ns` has it: other threads may spin until there is work."""
        main, aside = (
            max(0, now - then) for now, then in zip(self._cpu_ns(), self._asked_ns, strict=True)
        )
        cores = len(self._speed.cores)
        return main + max(0, aside - 2 * main * (cores - 1)) // cores

    def go(self, calls: int) -> None:
        """Start the clock and let the worker go.

        Raises StirredError if the candidate, or the device, already went on.
        """
        worker, so_far = self.worker, self._accounts()
        if self._quiet:
            self._check_stayed()  # with inputs before its eyes
        self._started = _Start(calls, time.perf_counter_ns(), so_far)
        self._check_watched(_BEFORE)
        self._traffic = self.memory.traffic()
        self._turn += 1
        worker.send(Command.GO, calls, self._turn)
        worker.resume()

    def _check_watched(self, when: str) -> None:
        """Stop watching the device. Raises StirredError if it worked for somebody meanwhile."""
        lost_ns = self.memory.stop_watching()
        if lost_ns != 0:
            text = f"the device worked for others {when}"
            raise StirredError(text, known=lost_ns is not None)

    def _accounts(self) -> _Accounts:
        main, waited = self.worker.main_thread_ns()
        return _Accounts(self.worker.cpu_ns(), main, waited, accounts("thread-self")[1])

    def _check_stayed(self) -> None:
        """Raises StirredError for a candidate that ran on since it was stopped.

        Once in thousands of times an honest one does, by some microseconds: its virtual core was
        taken away at the very moment.
        """
        if not self.job.trusted and not self.worker.stayed():
            raise StirredError("a thread of the candidate went on although it was stopped")

    def done(self, deadline: float) -> Batch:
        """Wait for the answer, stop the clock and the worker.

        The clock stops once no thread of it runs, or on a watched device once that is free: what
        anybody has it do from then on until the outputs have been looked at is seen. Raises
        StirredError for that, LateWorkError, CandidateFailedError and the worker's errors.
        """
        worker, started = self.worker, self._started
        assert started is not None
        watches = self._quiet and self.memory.watches
        free = watches and worker.look_out(self._answered, _LOOK_OUT_S) and self._until_free()
        accepted = self._accepted
        message = self._expect(Report.DONE, deadline)
        if watches and (not free or self._accepted > accepted):
            free = self._until_free()
        worker.stop()
        if not free:
            self._until_now()
        ended = self._ended
        self.memory.settle(started.calls)
        if free:
            self._check_watched(_AFTER)
        worker.check_silent()
        if worker.helpers():
            raise LateWorkError
        if not self.job.trusted and worker.strayed():
            raise LateWorkError("a thread of the candidate left its cores or its scheduling class")
        now, then = self._accounts(), started.accounts
        cpu_ns = now.cpu - then.cpu
        return Batch(
            calls=started.calls,
            wall_ns=ended.at_ns - started.at_ns,
            claimed_ns=message.value,
            waited_ns=ended.waited_ns - then.waited,
            judge_waited_ns=ended.judge_waited_ns - then.judge_waited,
            cpu_ns=cpu_ns,
            aside_ns=max(0, cpu_ns - (now.main - then.main)),
            launched_ns=message.second,
            prepared_ns=self._prepared_ns,
            traffic=self._traffic or self.memory.traffic(),
        )

    def _answered(self) -> bool:
        return self.memory.turn() == self._turn

    def _until_free(self) -> bool:
        """Wait for the device and stop the clock; False if it cannot be watched."""
        if not self.memory.wait_free():
            return False
        self._until_now()
        return True

    def _until_now(self) -> None:
        """Stop the clock. Who waits for a core from now on is nobody's excuse."""
        at_ns = time.perf_counter_ns()
        _, waited_ns = self.worker.main_thread_ns()
        self._ended = _End(at_ns, waited_ns, accounts("thread-self")[1])

    def distance(self, sets: Sequence[InputSet], settle: Settle) -> float:
        """The largest distance of the last run's outputs, in units of what is allowed.

        Raises LateWorkError if they changed while they were looked at, and StirredError.
        """
        worst = 0.0
        for place, spec in enumerate(self.job.outputs):
            answers = (self._output(index, place) for index in range(len(sets)))
            distance = worst_distance([item.truths[place] for item in sets], answers, spec.numel)
            if not distance <= 1.0:
                distance = self._settled_distance(sets, place, settle, distance)
            if not distance <= worst:
                worst = distance
        self._check_stayed()
        if not self.memory.verify():
            raise LateWorkError("outputs changed after the candidate had answered")
        return worst

    def _settled_distance(
        self, sets: Sequence[InputSet], place: int, settle: Settle, unsettled: float
    ) -> float:
        """The largest at one place, ties and steps settled; `unsettled` once one is wrong."""
        worst = 0.0
        for index, item in enumerate(sets):
            answer = self._output(index, place)
            distance = item.truths[place].distance(answer)
            if not distance <= 1.0:
                distance = item.truths[place].distance(settle(item, place, answer))
                if not distance <= 1.0:
                    return unsettled
                self.settled += 1
            worst = max(worst, distance)
        return worst

    def wrong(self, sets: Sequence[InputSet], settle: Settle) -> Wrong | None:
        """Of the first output of the last run that is too far off; None if none is."""
        count = len(self.job.outputs)
        for index, place in itertools.product(range(len(sets)), range(count)):
            truth, answer = sets[index].truths[place], self._output(index, place)
            if not truth.distance(answer) <= 1.0:
                answer = settle(sets[index], place, answer)
            if not truth.distance(answer) <= 1.0:
                last = self._output(len(sets) - 1, place)
                return Wrong(
                    output=place,
                    spec=self.job.outputs[place],
                    off=off(truth, answer),
                    one_memory=self._one_memory(len(sets), place)
                    and sets[-1].truths[place].distance(last) <= 1.0,
                )
        return None

    def within_fixed(self, sets: Sequence[InputSet]) -> bool:
        """Whether KernelBench's tolerance would let some of the last run's outputs pass."""
        large = sum(spec.nbytes for spec in self.job.outputs) > _LARGE_BYTES
        return all(
            as_fixed(item.truths[place], spec.dtype).distance(self._output(index, place)) <= 1.0
            for index, item in enumerate(sets[: 1 if large else _FEW])
            for place, spec in enumerate(self.job.outputs)
        )

    def _output(self, index: int, place: int) -> torch.Tensor:
        """Flat."""
        record = self.memory.record(index * len(self.job.outputs) + place)
        return self.memory.read(self.worker, self.job.outputs[place], record)

    def _one_memory(self, calls: int, place: int) -> bool:
        count = len(self.job.outputs)
        places = {tuple(self.memory.record(i * count + place)[:2]) for i in range(calls)}
        return calls > 1 and len(places) == 1
