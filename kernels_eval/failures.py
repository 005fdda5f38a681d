"""What a worker's end means for its candidate."""

from __future__ import annotations

import signal

from kernels_eval.processes.worker import (
    WorkerEndedError,
    WorkerError,
    WorkerForgedError,
    WorkerLostError,
    WorkerRestlessError,
    WorkerTimeoutError,
)
from kernels_eval.timing.runner import CandidateFailedError, LateWorkError
from kernels_eval.types import Finding, Severity, Status
from kernels_eval.worker.protocol import Failure

_STATUS = {
    Failure.IMPORT: Status.COMPILE_ERROR,
    Failure.BUILD: Status.RUNTIME_ERROR,
    Failure.CALL: Status.RUNTIME_ERROR,
    Failure.MEMORY: Status.OUT_OF_MEMORY,
    Failure.NOT_MATERIALISED: Status.REJECTED,
    Failure.WRONG_OUTPUT: Status.INCORRECT,
}
_MEMORY_SIGNS = ("std::bad_alloc", "MemoryError", "Cannot allocate memory", "can't allocate memory")

Failed = CandidateFailedError | LateWorkError | WorkerError


class DisturbedError(Exception):
    """What went wrong may be another candidate's doing: this one is to be judged again, alone.

    `status` is the verdict if it happens again with nothing else on the device.
    """

    def __init__(self, text: str, status: Status) -> None:
        super().__init__(text)
        self.status = status


def status_of(
    failure: Failed, stage: str, timeout_s: float, *, killed_for_memory: bool
) -> tuple[Status, str, Finding | None]:
    """Status, error text, and the finding that convicts if there is one.

    `killed_for_memory`: whether the kernel says that it killed somebody for memory meanwhile.
    """
    if isinstance(failure, CandidateFailedError):
        status = _STATUS[failure.failure]
        finding = None
        if status is Status.REJECTED:
            finding = _convicted("output-not-materialised", failure.text)
        return status, failure.text, finding
    if isinstance(failure, WorkerTimeoutError):
        text = str(failure) or f"no answer from {stage} within {timeout_s:g} s"
        return Status.TIMEOUT, text, None
    if isinstance(failure, LateWorkError | WorkerRestlessError):
        text = str(failure)
        return Status.REJECTED, text, _convicted("late-work", text)
    if isinstance(failure, WorkerForgedError):
        text = str(failure)
        return Status.REJECTED, text, _convicted("forged-message", text)
    if isinstance(failure, WorkerLostError):
        return Status.HARNESS_ERROR, f"{failure} during {stage}", None
    assert isinstance(failure, WorkerEndedError)
    if failure.signal == signal.SIGSYS:
        text = "it was to start a process, or to leave its cores, after its first call"
        return Status.REJECTED, text, _convicted("late-work", text)
    return explain_end(failure, stage, killed_for_memory=killed_for_memory)


def explain_end(
    ended: WorkerEndedError, stage: str, *, killed_for_memory: bool
) -> tuple[Status, str, Finding | None]:
    """A crash, an exit, or the kernel's out-of-memory killer, if it says so itself."""
    printed = ended.output.strip()
    tail = f"; it printed: {printed[-1500:]}" if printed else ""
    killed = ended.signal == signal.SIGKILL
    if ended.over:
        return Status.OUT_OF_MEMORY, f"{ended.over}, during {stage}{tail}", None
    if killed and killed_for_memory:
        return Status.OUT_OF_MEMORY, f"killed for its memory during {stage}{tail}", None
    if not killed and any(sign in printed for sign in _MEMORY_SIGNS):
        return Status.OUT_OF_MEMORY, f"out of memory during {stage}{tail}", None
    if ended.signal:
        try:
            name = signal.Signals(ended.signal).name
        except ValueError:
            name = f"signal {ended.signal}"
        return Status.RUNTIME_ERROR, f"{name} during {stage}{tail}", None
    text = f"the process exited with status {ended.code} during {stage}, without an answer{tail}"
    return Status.RUNTIME_ERROR, text, None


def _convicted(rule: str, message: str) -> Finding:
    return Finding(rule, Severity.CONVICTED, message)
