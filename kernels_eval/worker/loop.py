"""The worker: one candidate, called in batches. The same code times candidate and reference.

The names it needs at run time are bound before the candidate is imported. That keeps accidents
away, not attackers: nothing here is believed, the judge checks every answer by its own clock.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import pickle
import socket
import sys
import time
from pathlib import Path
from typing import Any

import torch

from kernels_eval.problem_code import end_copy, stop_timers
from kernels_eval.processes.control import count
from kernels_eval.tree import unflatten
from kernels_eval.worker.candidate import Built, CandidateError, explain, load, stage_or_memory
from kernels_eval.worker.cpu import CpuSide
from kernels_eval.worker.protocol import (
    COMMAND_BYTES,
    Command,
    Failure,
    Job,
    Report,
    pack_report,
    unpack_command,
)

_clock = time.perf_counter_ns


def serve(control: socket.socket, directory: Path) -> None:
    """Take one job, then answer commands until the judge hangs up or something fails."""
    _, descriptors, _, _ = socket.recv_fds(control, 1, 2)
    if len(descriptors) != 2:
        return
    job_fd, report_fd = descriptors
    with os.fdopen(job_fd, "rb") as stream:
        job: Job = pickle.load(stream)  # the judge is trusted; the other way is never unpickled
    report = memoryview(mmap.mmap(report_fd, job.report_bytes)).cast("q")
    os.close(report_fd)
    torch.set_num_threads(job.threads)
    torch.set_grad_enabled(False)
    gc.freeze()
    original = os.getpid()
    try:
        started = _clock()
        side = _side(job, report)
        _send(control, Report.UP)
        built = load(job, directory, side.place)
        _end_copy(job, original)
        if job.trusted:
            stop_timers()  # the judge's work goes on beside whatever the file set
        side.structure.append(built.structure)
        overwritten = ", ".join(built.overwritten)
        _send(control, Report.READY, value=_clock() - started, text=overwritten)
        _answer(control, job, built, side, directory / f"{job.module_name}.py")
    except CandidateError as error:
        _end_copy(job, original)
        processes = 0
        with contextlib.suppress(Exception):
            processes = count(os.getpid())  # before they end with this one
        _send(control, Report.FAILED, failure=error.failure, value=processes, text=error.text)


def _end_copy(job: Job, original: int) -> None:
    """A reference that forks goes on alone. Of a candidate's copies nothing is believed anyway."""
    if job.trusted:
        end_copy(original)


def _side(job: Job, report: memoryview) -> Any:
    """The part that differs by device."""
    if job.device == "cpu":
        return CpuSide(job, report)
    from kernels_eval.worker.cuda import CudaSide  # only where there is a driver

    side = CudaSide(job, report)
    side.start()
    return side


def _send(
    control: socket.socket,
    report: Report,
    *,
    failure: Failure = Failure.NONE,
    value: int = 0,
    text: str = "",
    second: int = 0,
) -> None:
    control.send(pack_report(report, failure, value, text, second))


def _answer(control: socket.socket, job: Job, built: Built, side: Any, path: Path) -> None:
    model = built.model
    arguments: list[tuple[Any, ...]] = []
    results: list[Any] = []
    original = os.getpid()
    while True:
        raw, descriptors, _, _ = socket.recv_fds(control, COMMAND_BYTES, 1)
        if not raw:
            return
        command, count, size = unpack_command(raw)
        if command is Command.ATTACH:
            arguments, results = [], []
            side.attach(*descriptors, count, size)
            continue
        try:
            if command is Command.PREPARE:
                arguments, results = [], [None] * count
                side.ready(count)
                memory = side.memory(size)
                arguments = [_arguments(job, built, memory, index) for index in range(count)]
                gc.collect(0)
                gc.disable()
                _send(control, Report.PREPARED)
                continue
            side.turn = size
            elapsed, launched = side.batch(model, arguments, results)
            _end_copy(job, original)
        except CandidateError:
            raise
        except BaseException as error:
            failure = stage_or_memory(Failure.CALL, error)
            raise CandidateError(failure, explain(error, path)) from None
        for serial, size, descriptor in side.exported():
            message = pack_report(Report.SEGMENT, Failure.NONE, size, "", serial)
            socket.send_fds(control, [message], [descriptor])
            os.close(descriptor)
        _send(control, Report.DONE, value=elapsed, second=launched)


def _arguments(job: Job, built: Built, memory: torch.Tensor, index: int) -> tuple[Any, ...]:
    """Tensors over the judge's memory: what it writes there is what the candidate reads."""
    tensors = []
    for place in job.places:
        if 0 in place.shape:
            tensors.append(torch.empty(place.shape, dtype=place.dtype, device=memory.device))
            continue
        span = 1 + sum((n - 1) * s for n, s in zip(place.shape, place.stride, strict=True))
        first = index * job.set_bytes + place.offset
        flat = memory[first : first + span * place.dtype.itemsize].view(place.dtype)
        tensors.append(flat.as_strided(place.shape, place.stride))
    values: tuple[Any, ...] = tuple(unflatten(built.nesting, tensors))
    return values


def run(control_fd: int, directory: str) -> None:
    """The whole life of a worker process after confinement."""
    sys.argv = ["candidate"]
    sys.path = [entry for entry in sys.path if entry]
    control = socket.socket(fileno=control_fd)
    serve(control, Path(directory))
