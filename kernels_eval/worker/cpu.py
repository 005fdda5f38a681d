"""A worker's side on the CPU: inputs in shared memory, outputs wherever the candidate puts them."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from typing import Any

import torch

from kernels_eval.sandbox import heap
from kernels_eval.worker.candidate import CandidateError
from kernels_eval.worker.place import describer
from kernels_eval.worker.protocol import Failure, Job

_PAGE = mmap.PAGESIZE
_TEMPORARIES, _MOST_SPARE = 3, 64 << 20
"""Outputs of so many calls, for what one needs in between; bytes beside the outputs at most."""
_clock = time.perf_counter_ns


class CpuSide:
    """Arguments over the judge's memory, and a batch between two readings of the clock."""

    def __init__(self, job: Job, report: memoryview) -> None:
        self._job = job
        self.structure: list[Any] = []
        """Of the outputs, once it is known."""
        self._describe = describer(job, report, _locate, self.structure)
        self._region: mmap.mmap | None = None
        self._touched = self._spare = 0
        self.turn = 0
        heap.keep_heap()

    def place(self, model: Any) -> Any:
        """The model where it is to run."""
        return model

    def attach(self, descriptor: int, calls: int, spare_bytes: int) -> None:
        self._region = mmap.mmap(descriptor, self._job.region_bytes(calls) + spare_bytes)
        self._spare = spare_bytes
        os.close(descriptor)

    def memory(self, first: int = 0) -> torch.Tensor:
        """The inputs' memory as bytes, from that one on."""
        assert self._region is not None
        return torch.frombuffer(self._region, dtype=torch.uint8)[first:]

    def ready(self, count: int) -> None:
        """Map the pages that `count` calls need, outside any clock: inputs, and heap for outputs.

        The heap keeps the block (see `keep_heap`), in one piece, so that outputs of every batch
        land on pages that are there. First touches would otherwise weigh more than most kernels,
        at random.
        """
        if count <= self._touched:
            return
        self._touched = count
        self.memory()[: self._spare + count * self._job.set_bytes : _PAGE].max()
        outputs = sum(spec.nbytes + _PAGE for spec in self._job.outputs)
        # As much again: malloc asks for more than an aligned output takes, so none fits where one
        # was freed between two that are kept.
        spare = min((count + _TEMPORARIES) * outputs, _MOST_SPARE)
        heap.reserve(count * outputs + spare)

    def batch(
        self,
        model: Callable[..., Any],
        arguments: list[tuple[Any, ...]],
        results: list[Any],
        clock: Callable[[], int] = _clock,
    ) -> tuple[int, int]:
        """Nanoseconds of all calls, and 0: nothing is launched here.

        A call is over when its output is a described, dense tensor.
        """
        describe = self._describe
        started = clock()
        for index, call in enumerate(arguments):
            output = model(*call)
            results[index] = describe(index, output)
        return clock() - started, 0

    def exported(self) -> list[tuple[int, int, int]]:
        """(serial, size, descriptor) of memory that the judge has not seen yet: never on a CPU."""
        return []


def _locate(output: torch.Tensor) -> tuple[int, int]:
    address = output.data_ptr()
    if not output.is_cpu or (address == 0 and output.numel() > 0):
        raise CandidateError(
            Failure.NOT_MATERIALISED, f"an output has no memory on the CPU ({output.device})"
        )
    return 0, address
