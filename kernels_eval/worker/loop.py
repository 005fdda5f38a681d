"""The worker: one candidate, called in batches. The same code times candidate and reference.

The names it needs at run time are bound before the candidate is imported. That keeps accidents
away, not attackers: nothing here is believed, the judge checks every answer by its own clock.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from kernels_eval.sandbox import libc
from kernels_eval.tree import flatten, unflatten
from kernels_eval.worker.candidate import CandidateError, explain, load, stage_or_memory
from kernels_eval.worker.protocol import (
    COMMAND_BYTES,
    MAX_DIMENSIONS,
    RECORD_WORDS,
    Command,
    Failure,
    Job,
    Report,
    pack_report,
    unpack_command,
)

_PAGE = mmap.PAGESIZE
_clock = time.perf_counter_ns
_SINGLE_TYPES = (torch.Tensor, torch.nn.Parameter)


def serve(control: socket.socket, directory: Path) -> None:
    """Take one job, then answer PREPARE and GO until the judge hangs up or something fails."""
    _, descriptors, _, _ = socket.recv_fds(control, 1, 3)
    if len(descriptors) != 3:
        return
    job_fd, region_fd, report_fd = descriptors
    with os.fdopen(job_fd, "rb") as stream:
        job: Job = pickle.load(stream)  # the judge is trusted; the other way is never unpickled
    region = mmap.mmap(region_fd, job.region_bytes)
    report = memoryview(mmap.mmap(report_fd, job.report_bytes)).cast("q")
    os.close(region_fd)
    os.close(report_fd)
    libc.keep_heap()
    torch.set_num_threads(job.threads)
    torch.set_grad_enabled(False)
    gc.freeze()
    try:
        started = _clock()
        model = load(job, directory)
        _send(control, Report.READY, value=_clock() - started)
        _answer(control, job, model, region, report, directory / f"{job.module_name}.py")
    except CandidateError as error:
        _send(control, Report.FAILED, failure=error.failure, text=error.text)


def _send(
    control: socket.socket,
    report: Report,
    *,
    failure: Failure = Failure.NONE,
    value: int = 0,
    text: str = "",
) -> None:
    control.send(pack_report(report, failure, value, text))


def _answer(
    control: socket.socket,
    job: Job,
    model: Callable[..., Any],
    region: mmap.mmap,
    report: memoryview,
    path: Path,
) -> None:
    arguments: list[tuple[Any, ...]] = []
    results: list[Any] = []
    describe = _describer(job, report)
    touched = 0
    while raw := control.recv(COMMAND_BYTES):
        command, count = unpack_command(raw)
        if command is Command.PREPARE:
            arguments, results = [], [None] * count
            if count > touched:
                _touch(job, region, count)
                touched = count
            arguments = [_arguments(job, region, index) for index in range(count)]
            gc.collect(0)
            gc.disable()
            _send(control, Report.PREPARED)
            continue
        try:
            elapsed = _batch(model, arguments, results, describe)
        except CandidateError:
            raise
        except BaseException as error:
            failure = stage_or_memory(Failure.CALL, error)
            raise CandidateError(failure, explain(error, path)) from None
        _send(control, Report.DONE, value=elapsed)


def _touch(job: Job, region: mmap.mmap, count: int) -> None:
    """Map the pages that `count` calls need, outside any clock: inputs, and heap for the outputs.

    The heap keeps the block (see `keep_heap`), in one piece, so that outputs of every batch land on
    pages that are there. First touches would otherwise weigh more than most kernels, at random.
    """
    inputs = torch.frombuffer(region, dtype=torch.uint8, count=count * job.set_bytes)
    inputs[::_PAGE].max()
    outputs = sum(spec.nbytes + _PAGE for spec in job.outputs)
    torch.empty(count * outputs + (outputs >> 2), dtype=torch.uint8)[::_PAGE] = 0


def _batch(
    model: Callable[..., Any],
    arguments: list[tuple[Any, ...]],
    results: list[Any],
    describe: Callable[[int, Any], None],
    clock: Callable[[], int] = _clock,
) -> int:
    """Nanoseconds of all calls. A call is over when its output is a described, dense tensor."""
    started = clock()
    for index, call in enumerate(arguments):
        output = model(*call)
        describe(index, output)
        results[index] = output
    return clock() - started


def _arguments(job: Job, region: mmap.mmap, index: int) -> tuple[Any, ...]:
    """Tensors over the shared region: what the judge writes there is what the candidate reads."""
    tensors = []
    for place in job.places:
        span = 1 + sum((n - 1) * s for n, s in zip(place.shape, place.stride, strict=True))
        if 0 in place.shape:
            tensors.append(torch.empty(place.shape, dtype=place.dtype))
            continue
        flat = torch.frombuffer(
            region, dtype=place.dtype, count=span, offset=index * job.set_bytes + place.offset
        )
        tensors.append(flat.as_strided(place.shape, place.stride))
    values: tuple[Any, ...] = tuple(unflatten(job.nesting, tensors))
    return values


def _describer(job: Job, report: memoryview) -> Callable[[int, Any], None]:
    """Writes address and strides of a call's outputs to the report; refuses what is not dense."""
    specs = job.outputs
    shapes = [torch.Size(spec.shape) for spec in specs]
    dtypes = [spec.dtype for spec in specs]
    only_shape, only_dtype = shapes[0], dtypes[0]
    single = len(specs) == 1

    def describe_one(position: int, output: torch.Tensor, place: int) -> None:
        if output.shape != shapes[place] or output.dtype != dtypes[place]:
            raise CandidateError(
                Failure.WRONG_OUTPUT,
                f"output {place} is {output.dtype} {tuple(output.shape)}, "
                f"wanted {dtypes[place]} {tuple(shapes[place])}",
            )
        if type(output) not in _SINGLE_TYPES or output.layout is not torch.strided:
            raise CandidateError(
                Failure.NOT_MATERIALISED,
                f"output {place} is a {type(output).__name__} ({output.layout}), not dense",
            )
        if not output.is_cpu or (output.numel() > 0 and output.data_ptr() == 0):
            raise CandidateError(
                Failure.NOT_MATERIALISED, f"output {place} has no memory on the CPU"
            )
        base = RECORD_WORDS * position
        report[base] = output.data_ptr()
        if output.is_contiguous():
            report[base + 1] = 0
            return
        strides = output.stride()
        if len(strides) > MAX_DIMENSIONS:
            raise CandidateError(
                Failure.WRONG_OUTPUT, f"output {place} is a view of {len(strides)} dimensions"
            )
        if not job.trusted and any(
            s == 0 and n > 1 for n, s in zip(output.shape, strides, strict=True)
        ):
            raise CandidateError(
                Failure.NOT_MATERIALISED, f"output {place} repeats memory (an expanded view)"
            )
        report[base + 1] = len(strides)
        for axis, stride in enumerate(strides):
            report[base + 2 + axis] = stride

    def describe(index: int, output: Any) -> None:
        if (
            single
            and type(output) is torch.Tensor
            and output.shape == only_shape
            and output.dtype is only_dtype
            and output.is_contiguous()
            and output.is_cpu
        ):
            base = RECORD_WORDS * index
            report[base] = output.data_ptr()
            report[base + 1] = 0
            return
        tensors, _ = flatten(output)
        if len(tensors) != len(specs):
            raise CandidateError(
                Failure.WRONG_OUTPUT, f"{len(tensors)} output tensors, wanted {len(specs)}"
            )
        for place, tensor in enumerate(tensors):
            describe_one(index * len(specs) + place, tensor, place)

    return describe


def run(control_fd: int, directory: str) -> None:
    """The whole life of a worker process after confinement."""
    sys.argv = ["candidate"]
    sys.path = [entry for entry in sys.path if entry]
    control = socket.socket(fileno=control_fd)
    serve(control, Path(directory))
