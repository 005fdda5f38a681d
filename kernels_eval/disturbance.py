"""Whether what became of a candidate may be somebody else's doing.

Then it is judged again, alone and after a pause, before any word about it. What happens each time
is its own doing, unless the machine's own counts say that it is the machine's.
"""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from kernels_eval.errors import HarnessError
from kernels_eval.failures import Failed
from kernels_eval.processes.worker import Worker, WorkerEndedError, WorkerTimeoutError
from kernels_eval.sandbox import shortage
from kernels_eval.sandbox.kernel_counts import KernelCounts, kernel_counts
from kernels_eval.timing.runner import CandidateFailedError, LateWorkError
from kernels_eval.worker.protocol import Failure

STRANGERS = frozenset(
    number
    for number in signal.Signals
    if number
    not in {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGABRT,
        signal.SIGTRAP,
        signal.SIGSYS,
        signal.SIGXFSZ,
    }
)
"""Signals that end a process only if somebody sends them; the others are its own faults."""

_PROCESSES = re.compile(
    r"Resource temporarily unavailable|can't start new thread|[Cc]annot fork"
    r"|[Tt]hread creation failed|pthread_create failed"
)
_DISK = re.compile(r"No space left on device|Disk quota exceeded")
_FILES = re.compile(r"Too many open files in system")
_MEMORY = re.compile(
    r"Cannot allocate memory|can't allocate memory|std::bad_alloc|MemoryError"
    r"|out of memory allocating|virtual memory exhausted"
)
_KILLED = re.compile(
    r"(Killed|Terminated|Hangup) signal terminated program"
    r"|died with <Signals\.(SIGKILL|SIGTERM|SIGHUP)|ended with -(9|15|1)\b"
)
"""What compilers and those that start them say of a compiler that was killed."""
_SHARE = 2
"""Of its limit: a candidate that had half as many processes, or bytes, has itself to blame."""


@dataclass(frozen=True)
class Room:
    """What a candidate could use, and the kernel's counts when it began."""

    counts: KernelCounts
    processes: int
    file_bytes: int
    own_disk: bool
    """It writes to a file system of its own, of a size of its own."""


@dataclass(frozen=True)
class Disturbance:
    """A reason to judge a candidate again."""

    text: str
    ours: bool
    """If it is there each time: whether the machine is to blame, and not the candidate."""


def disturbance(failure: Failed, text: str, worker: Worker, room: Room) -> Disturbance | None:
    """What may have disturbed a candidate that failed so; None if it was itself.

    `text`: the verdict's, which has what was printed as well. It is the candidate's word and
    decides nothing but whether to look again.
    """
    if isinstance(failure, WorkerTimeoutError):
        if not worker.found_stopped():
            return None
        return Disturbance("the worker was stopped from outside", ours=False)
    if isinstance(failure, WorkerEndedError) and failure.over:
        return None
    if isinstance(failure, WorkerEndedError) and failure.signal in STRANGERS:
        name = signal.Signals(failure.signal).name
        return Disturbance(f"the worker was ended by {name}", ours=False)
    if not isinstance(failure, CandidateFailedError | WorkerEndedError):
        return None
    processes = failure.processes if isinstance(failure, CandidateFailedError) else 0
    return _refused(text, processes, worker, room)


def passes(failure: HarnessError, processes: int) -> bool:
    """Whether starting a reference may succeed another time, after it failed so.

    Not if it took too long, or failed by itself. `processes`: its limit.
    """
    cause = failure.__cause__
    if isinstance(cause, CandidateFailedError):
        return refused_by_system(cause, processes)
    return not isinstance(cause, WorkerTimeoutError | LateWorkError)


def refused_by_system(failure: CandidateFailedError, processes: int) -> bool:
    """Whether it says that it was refused a process, room on the disk, or memory that is short.

    Not if it had half of the `processes` itself that it may have.
    """
    if _PROCESSES.search(failure.text):
        return failure.processes < processes // _SHARE
    if _DISK.search(failure.text):
        return True
    return failure.failure is Failure.MEMORY and shortage.of_memory() is not None


def _refused(text: str, processes: int, worker: Worker, room: Room) -> Disturbance | None:
    if _PROCESSES.search(text) and processes < room.processes // _SHARE:
        return _because("it was refused a process", _no_processes(room))
    if _DISK.search(text) and not room.own_disk:
        if _bytes_below(worker.place) >= room.file_bytes // _SHARE:
            return None
        return _because("it was refused room on the disk", shortage.of_disk(worker.place))
    if _FILES.search(text):
        return _because("it was refused a file", shortage.of_files())
    if _MEMORY.search(text) and (found := shortage.of_memory()):
        return _because("it was refused memory", found)
    if _KILLED.search(text):
        return Disturbance("a compiler of it was killed", ours=False)
    return None


def _because(what: str, why: str | None) -> Disturbance:
    return Disturbance(what if why is None else f"{what}: {why}", ours=why is not None)


def _no_processes(room: Room) -> str | None:
    if kernel_counts().refusals > room.counts.refusals:
        return "its control group had as many processes as it may (pids.max)"
    return shortage.of_processes()


def _bytes_below(place: Path) -> int:
    """What a candidate wrote; links are not followed."""
    total = 0
    for folder, _, files in os.walk(place):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118
            except OSError:
                continue
    return total
