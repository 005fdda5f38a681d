"""What the judge asks of a device. Everything else is the same on all of them."""

from __future__ import annotations

import abc
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from kernels_eval.config import Mode
from kernels_eval.problems.pool import Pool
from kernels_eval.problems.sets import InputSet
from kernels_eval.processes.shared import SharedMemory
from kernels_eval.processes.worker import Worker, WorkerForgedError, close_aside
from kernels_eval.sandbox.limits import Limits
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.timing.clocks import Clocks
from kernels_eval.timing.statistics import Budget
from kernels_eval.worker.place import HOLES, overlaps, span
from kernels_eval.worker.protocol import RECORD_WORDS, Job, Message, OutputSpec


class NotQuietError(Exception):
    """Work is under way on the device although every worker is stopped."""


class StirredError(Exception):
    """Something went on that should stand still: what was measured meanwhile counts for nothing.

    `known`: it was seen to; else it could not be watched all the time.
    """

    def __init__(self, text: str, *, known: bool = True) -> None:
        super().__init__(text)
        self.known = known


class Memory(abc.ABC):
    """Between the judge and one worker: inputs in, outputs out."""

    watches: ClassVar[bool] = False
    """Whether it can be seen that somebody else uses the device."""
    spare_bytes = 0
    """Of the inputs' memory, beside what the sets take; who reserves sets it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.report = SharedMemory("report", job.report_bytes)

    @abc.abstractmethod
    def reserve(self, calls: int) -> tuple[int, int]:
        """Memory for the inputs of at least `calls` calls: (descriptor, calls it is for)."""

    def place(self, calls: int) -> int:  # noqa: ARG002 - what the sets of a batch need to know
        """Choose where the sets of the next batch start: bytes into the inputs' memory."""
        return 0

    @abc.abstractmethod
    def write(self, sets: Sequence[InputSet]) -> None:
        """The inputs of a batch, in place when this returns; the worker is stopped."""

    def wait_quiet(self) -> None:  # noqa: B027 - a device may have nothing to wait for
        """Until nothing computes on the device; every worker is stopped. Raises NotQuietError.

        From then on it is watched, until `stop_watching`.
        """

    def wait_free(self) -> bool:
        """Wait until the device is free, and watch it again; False if it cannot be watched."""
        return False

    def stop_watching(self) -> int | None:
        """Nanoseconds that others had the device since then; None if it is not known."""
        return 0

    def traffic(self) -> bool:
        """Whether somebody used the way between host and device while it was last watched."""
        return False

    def accept(self, message: Message, descriptors: list[int]) -> None:
        """Memory that the worker says its outputs lie in. Raises WorkerForgedError."""
        for descriptor in descriptors:
            close_aside(descriptor)
        raise WorkerForgedError(f"memory of {message.value} bytes was offered on the CPU")

    @abc.abstractmethod
    def settle(self, count: int) -> None:
        """Outputs of `count` calls are there; what changes from now on is seen. Worker stopped."""

    @abc.abstractmethod
    def read(self, worker: Worker, spec: OutputSpec, record: list[int]) -> torch.Tensor:
        """One output, flat. Raises WorkerForgedError for a record that leads nowhere."""

    def span_of(self, spec: OutputSpec, record: list[int]) -> tuple[int, tuple[int, ...] | None]:
        """Elements that an output spans in memory, and its strides unless contiguous.

        Raises WorkerForgedError for strides that make no sense, or by which elements share memory:
        the worker copies such an output, but it can be made not to.
        """
        _, _, dimensions, *strides = record
        if dimensions == 0:
            return spec.numel, None
        if dimensions != len(spec.shape) or any(stride < 0 for stride in strides):
            raise WorkerForgedError("the strides of an output make no sense")
        kept = tuple(strides[:dimensions])
        if overlaps(spec.shape, kept):
            raise WorkerForgedError("elements of an output share memory")
        elements = span(spec.shape, kept)
        if elements > HOLES * spec.numel:
            raise WorkerForgedError("an output spread over far more memory than it has elements")
        return elements, kept

    def verify(self) -> bool:
        """Whether the outputs are still what they were when the clock stopped."""
        return True

    def record(self, position: int) -> list[int]:
        """Words of one output's record, copied out of the worker's reach."""
        words = memoryview(self.report.map).cast("q")
        try:
            return words[RECORD_WORDS * position : RECORD_WORDS * (position + 1)].tolist()
        finally:
            words.release()

    def forget_outputs(self) -> None:  # noqa: B027 - a device may hold nothing of a worker's
        """Give back what is held here of a worker's memory, when that is gone."""

    def turn(self) -> int:
        """The batch that the device has last come to the end of, as the worker has it say."""
        (turn,) = struct.unpack_from("=I", self.report.map, 8 * self.job.turn_word)
        return int(turn)

    def fits(self, job: Job) -> bool:
        """Whether another job can use this memory after the present one."""
        return (self.job.set_bytes, self.job.max_calls, self.job.report_bytes) == (
            job.set_bytes,
            job.max_calls,
            job.report_bytes,
        )

    def reset(self, job: Job) -> None:
        """Ready for another worker, with nothing left of what the last one wrote."""
        self.job = job
        self.report.zero()

    def close(self) -> None:
        self.report.close()


@dataclass(frozen=True)
class Shares:
    """How a device's memory is divided while one problem is judged."""

    workers: int
    """That may hold inputs and outputs at once, beside the reference."""
    pool_bytes: int
    """For input sets and answers that are kept."""


class Device(abc.ABC):
    """One device that candidates are timed on."""

    name: str
    torch_device: torch.device
    on_gpu: ClassVar[bool]
    single_core: bool
    """Whether the scheduler's accounts of one core say who had it when."""
    batch_bytes: int
    """Inputs and outputs of one batch at most."""
    first_call_ahead: bool
    """Whether a candidate's first call may run while another candidate is being checked."""
    alignment: int
    """Bytes; where in the inputs' memory a tensor may start."""
    start_s: float
    """Seconds from one worker's start to the next: they share what starts them one at a time."""
    reference_lasts: float
    """Candidates that are timed beside one process of the reference's."""
    budgets: ClassVar[Mapping[Mode, Budget]]
    """When to stop measuring, by mode."""

    @abc.abstractmethod
    def memory(self, job: Job) -> Memory: ...

    @abc.abstractmethod
    def clocks(self) -> Clocks:
        """That know nothing yet of a reference's batches."""

    @abc.abstractmethod
    def sandbox(self, plan: SandboxPlan) -> tuple[SandboxPlan, Limits]:
        """The plan and the limits for workers on this device."""

    @abc.abstractmethod
    def environment(self, session: str) -> dict[str, str]:
        """What the fork server's environment has on top; may build files in `session`."""

    @abc.abstractmethod
    def cache_bytes(self) -> int:
        """Size of the last-level cache."""

    @abc.abstractmethod
    def bandwidth(self, *, again: bool = False) -> float:
        """Bytes per second that the device's memory moves: the best of what was measured.

        `again`: measure once more first.
        """

    @abc.abstractmethod
    def pool_bytes(self) -> int:
        """How much memory a problem's input sets and answers may take until `shares` says more."""

    @abc.abstractmethod
    def shares(self, job: Job, pool: Pool, wanted: int) -> Shares:
        """How much of what is free is for whom, once a problem and its reference are there.

        `wanted`: sets that one candidate sees.
        """
