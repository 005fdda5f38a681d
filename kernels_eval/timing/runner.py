"""One built worker, run in batches on inputs it has not seen, timed by two clocks."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kernels_eval.problems.prepared import InputSet
from kernels_eval.processes.shared import SharedMemory
from kernels_eval.processes.worker import Worker, WorkerForgedError
from kernels_eval.worker.protocol import (
    RECORD_WORDS,
    Command,
    Failure,
    Job,
    Message,
    OutputSpec,
    Report,
    TensorPlace,
)

_HOLES = 16
"""A strided output may span this many times its size in memory."""


@dataclass(frozen=True)
class Memory:
    """What judge and worker share: inputs in, addresses of outputs out."""

    region: SharedMemory
    report: SharedMemory

    @staticmethod
    def of(job: Job) -> Memory:
        return Memory(
            SharedMemory("inputs", job.region_bytes), SharedMemory("report", job.report_bytes)
        )

    def fits(self, job: Job) -> bool:
        return self.region.size == job.region_bytes and self.report.size == job.report_bytes

    def close(self) -> None:
        self.region.close()
        self.report.close()


class CandidateFailedError(Exception):
    """The worker reported a failure of its own."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.text)
        self.failure = message.failure
        self.text = message.text


class LateWorkError(Exception):
    """Processes of the candidate were alive after its last call had returned."""


@dataclass(frozen=True)
class Batch:
    """Nanoseconds of `calls` calls: by the judge's clock, and as the worker claims."""

    calls: int
    wall_ns: int
    claimed_ns: int
    waited_ns: int
    """How long the worker's main thread was ready to run and somebody else had the core."""
    judge_waited_ns: int
    """The same of the judge's thread: how late it may have read its own clock."""
    cpu_ns: int
    """CPU time of all the worker's threads, by the kernel's account."""

    @property
    def disturbed(self) -> bool:
        """Whether another process took more than 1 % of the time."""
        return self.waited_ns > 0.01 * self.wall_ns

    @property
    def overhead_ns(self) -> int:
        """Waking, reporting and stopping the worker; or what it conceals."""
        return self.wall_ns - self.claimed_ns


class Runner:
    """Runs batches on one worker. While `run` is not active no thread of the worker runs."""

    def __init__(self, worker: Worker, job: Job, memory: Memory) -> None:
        """Starts the job. Raises WorkerEndedError."""
        self.worker = worker
        self.job = job
        self.memory = memory
        worker.start(job, memory.region, memory.report)
        # Views over the shared region: one per call and input, in memory order.
        self._places = [
            [
                _flat_view(memory, index * job.set_bytes + place.offset, place)
                for place in job.places
            ]
            for index in range(job.max_calls)
        ]

    def ready(self, deadline: float) -> int:
        """Wait for import and construction; nanoseconds they took by the worker's clock.

        The worker is stopped then. Raises CandidateFailedError and the worker's errors.
        """
        message = self._expect(Report.READY, deadline)
        self.worker.stop()
        self.worker.kill_helpers()
        return message.value

    def _expect(self, report: Report, deadline: float) -> Message:
        message = self.worker.receive(deadline)
        if message.report is Report.FAILED and message.failure is not Failure.NONE:
            raise CandidateFailedError(message)
        if message.report is not report:
            raise WorkerForgedError(f"a {message.report.name} message where {report.name} was due")
        return message

    def run(self, sets: Sequence[InputSet], timeout_s: float) -> Batch:
        """Call once per set. The outputs stay in the stopped worker until the next run.

        The inputs are written while the worker is stopped, and the clock runs from the moment it is
        let go until no thread of it runs any more: it never has the inputs outside that interval.
        Raises CandidateFailedError, LateWorkError and the worker's errors.
        """
        worker = self.worker
        worker.resume()
        worker.send(Command.PREPARE, len(sets))
        self._expect(Report.PREPARED, time.monotonic() + timeout_s)
        worker.stop()
        if worker.helpers():
            worker.kill_helpers()
        for places, item in zip(self._places, sets, strict=False):
            for place, tensor in zip(places, item.inputs, strict=True):
                place.copy_(in_memory_order(tensor))
        waited, judge_waited, cpu = worker.waited_ns(), _own_wait_ns(), worker.cpu_ns()
        worker.send(Command.GO, len(sets))
        started = time.perf_counter_ns()
        worker.resume()
        message = self._expect(Report.DONE, time.monotonic() + timeout_s)
        worker.stop()
        ended = time.perf_counter_ns()
        if worker.message_waits():
            raise WorkerForgedError("more than one message for one command")
        if worker.helpers():
            raise LateWorkError
        return Batch(
            calls=len(sets),
            wall_ns=ended - started,
            claimed_ns=message.value,
            waited_ns=worker.waited_ns() - waited,
            judge_waited_ns=_own_wait_ns() - judge_waited,
            cpu_ns=worker.cpu_ns() - cpu,
        )

    def distance(self, sets: Sequence[InputSet]) -> float:
        """The largest distance of the last run's outputs, in units of what is allowed."""
        report = memoryview(self.memory.report.map).cast("q")
        count = len(self.job.outputs)
        worst = 0.0
        try:
            for index, item in enumerate(sets):
                for place, (spec, truth) in enumerate(
                    zip(self.job.outputs, item.truths, strict=True)
                ):
                    base = RECORD_WORDS * (index * count + place)
                    record = report[base : base + RECORD_WORDS].tolist()
                    distance = truth.distance(self._read(spec, record))
                    if not distance <= worst:
                        worst = distance
        finally:
            report.release()
        return worst

    def _read(self, spec: OutputSpec, record: list[int]) -> torch.Tensor:
        """One output, flat, from the stopped worker's memory. Raises WorkerForgedError."""
        if spec.numel == 0:
            return torch.empty(0, dtype=spec.dtype)
        address, dimensions, *strides = record
        if dimensions == 0:
            flat = torch.empty(spec.numel, dtype=spec.dtype)
            self.worker.read([address], spec.nbytes, flat.data_ptr())
            return flat
        if dimensions != len(spec.shape) or any(stride < 0 for stride in strides):
            raise WorkerForgedError("the strides of an output make no sense")
        strides = strides[:dimensions]
        span = 1 + sum((n - 1) * s for n, s in zip(spec.shape, strides, strict=True))
        if span > _HOLES * spec.numel:
            raise WorkerForgedError("an output spread over far more memory than it has elements")
        storage = torch.empty(span, dtype=spec.dtype)
        self.worker.read([address], span * spec.dtype.itemsize, storage.data_ptr())
        return storage.as_strided(spec.shape, strides).reshape(-1)


def in_memory_order(tensor: torch.Tensor) -> torch.Tensor:
    """A flat view of a tensor without holes."""
    return tensor.as_strided((tensor.numel(),), (1,))


def _own_wait_ns() -> int:
    try:
        with open("/proc/thread-self/schedstat") as stream:  # noqa: PTH123 - hot path
            return int(stream.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _flat_view(memory: Memory, offset: int, place: TensorPlace) -> torch.Tensor:
    count = math.prod(place.shape)
    if count == 0:
        return torch.empty(0, dtype=place.dtype)
    return torch.frombuffer(memory.region.map, dtype=place.dtype, count=count, offset=offset)
