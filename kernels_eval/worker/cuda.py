"""A worker's side on a GPU: inputs in the judge's device memory, outputs in exportable memory.

The candidate's allocations are torch's own, out of blocks that can be shown to the judge (see
devices/cuda/exportable.c). An output elsewhere (raw cudaMalloc, a graph's pool in small blocks) is
copied into such memory inside the timed batch: honest, and paid for.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from kernels_eval.devices.cuda import driver
from kernels_eval.devices.cuda.interface import over
from kernels_eval.tree import flatten, unflatten
from kernels_eval.worker.candidate import CandidateError
from kernels_eval.worker.place import describer, is_lazy
from kernels_eval.worker.protocol import RECORD_WORDS, Failure, Job
from kernels_eval.worker.segments import Segments

_MOVABLE = (torch.nn.Module, torch.Tensor)
_clock = time.perf_counter_ns


class CudaSide:
    """Arguments over the judge's memory, and a batch between two events."""

    def __init__(self, job: Job, report: memoryview) -> None:
        self._job = job
        self.structure: list[Any] = []
        """Of the outputs, once it is known."""
        self._describe = describer(job, report, self._locate, self.structure)
        self._device = torch.device(job.device)
        self._segments = Segments()
        self._shape = torch.Size(job.outputs[0].shape)
        self._records = np.frombuffer(report, np.int64)[: RECORD_WORDS * job.record_count].reshape(
            -1, RECORD_WORDS
        )
        self._address = self._size = self._bytes = 0
        self.turn = self._turn_address = 0
        """Of the batch under way, and where the device is to write it."""
        # Bound now: what the candidate patches later is not what is called here.
        self._synchronize = torch.cuda.synchronize
        self._event: Callable[..., Any] = torch.cuda.Event
        torch.backends.cuda.matmul.allow_tf32 = job.reduced_precision
        torch.backends.cudnn.allow_tf32 = job.reduced_precision or job.library_precision

    def start(self) -> None:
        """Create the context. Raises CandidateError (MEMORY) if others have left no room for it."""
        try:
            torch.cuda.set_device(self._device)
            torch.empty(1, device=self._device)
            self._start, self._end = (self._event(enable_timing=True) for _ in range(2))
            self._start.record()
            self._end.record()
            self._synchronize()
            self._share_turn()
        except torch.AcceleratorError as error:
            if "out of memory" not in str(error):
                raise
            raise CandidateError(Failure.MEMORY, "no memory for a context on the GPU") from None

    def _share_turn(self) -> None:
        """Let the device write into the report. Where it cannot, the judge waits for messages."""
        with contextlib.suppress(driver.DriverError):
            first = driver.register_host(self._records.ctypes.data, self._job.report_bytes)
            self._turn_address = first + 8 * self._job.turn_word

    def _tell_turn(self) -> None:
        """Once what was asked of the device so far is done."""
        if self._turn_address:
            stream = torch.cuda.current_stream(self._device).cuda_stream
            driver.write_word(stream, self._turn_address, self.turn)

    def place(self, model: Any) -> Any:
        """The model (or a tensor it is built from) where it is to run."""
        return model.to(self._device) if isinstance(model, _MOVABLE) else model

    def attach(self, descriptor: int, calls: int, spare_bytes: int) -> None:
        if self._address:
            self._synchronize()
            driver.unmap_memory(self._address, self._size)
        self._bytes = self._job.region_bytes(calls)
        self._size = driver.rounded(self._bytes) + spare_bytes
        handle = driver.take(descriptor)
        os.close(descriptor)
        self._address = driver.map_memory(handle, self._size, self._device.index or 0)
        driver.release(handle)

    def memory(self, first: int) -> torch.Tensor:
        """The inputs' memory as bytes, from that one on."""
        return over(self._address + first, self._bytes, self._device)

    def ready(self, count: int) -> None:  # noqa: ARG002 - nothing to map on a GPU
        """Nothing of the last batch is under way when the next one starts."""
        self._synchronize()

    def batch(
        self,
        model: Callable[..., Any],
        arguments: list[tuple[Any, ...]],
        results: list[Any],
        clock: Callable[[], int] = _clock,
    ) -> tuple[int, int]:
        """Nanoseconds between an event before the first call and one after the last, and until the
        latter was asked for.

        Describing the usual outputs comes after the second event, where it takes the same for every
        candidate (half a microsecond each: a twentieth of what a small kernel takes to launch).
        Outputs that have to be copied are waited for by an event of their own.
        """
        keep, describe = self._keep, self._describe
        started = clock()
        self._start.record()
        for index, call in enumerate(arguments):
            results[index] = model(*call)
        self._end.record()
        launched = clock() - started
        if self._describe_all(results):
            self._tell_turn()
        else:
            for index, output in enumerate(results):
                results[index] = describe(index, keep(output))
            self._end.record()
            self._tell_turn()
            launched = clock() - started
        self._synchronize()
        return int(self._start.elapsed_time(self._end) * 1e6), launched

    def exported(self) -> list[tuple[int, int, int]]:
        """(serial, size, descriptor) of memory that the judge has not seen yet."""
        return self._segments.exported()

    def _describe_all(self, results: list[Any]) -> bool:
        """Describe the usual case at once, in under a microsecond each: one dense tensor per call.

        Whether it was that; if not, nothing is described yet.
        """
        specs = self._job.outputs
        shape, dtype = self._shape, specs[0].dtype
        if len(specs) != 1 or not specs[0].numel:
            return False
        for output in results:
            if (
                type(output) is not torch.Tensor
                or output.shape != shape
                or output.dtype is not dtype
                or not output.is_contiguous()
                or is_lazy(output)
            ):
                return False
        found = self._segments.find_all(np.array([t.data_ptr() for t in results], np.uint64))
        if found is None:
            return False
        records = self._records[: len(results)]
        records[:, 0], records[:, 1] = found
        records[:, 2] = 0
        return True

    def _keep(self, output: Any) -> Any:
        """The output, or a copy of it where the judge can read it."""
        find = self._segments.find
        tensors, nesting = flatten(output)
        strangers = [
            type(t) is torch.Tensor
            and t.is_cuda
            and t.layout is torch.strided
            and not find(t.data_ptr())[0]
            for t in tensors
        ]
        if not any(strangers):
            return output
        copied = [
            t.clone() if strange else t for t, strange in zip(tensors, strangers, strict=True)
        ]
        return unflatten(nesting, copied)

    def _locate(self, output: torch.Tensor) -> tuple[int, int]:
        if output.numel() == 0:
            return 0, 0
        serial, offset = self._segments.find(output.data_ptr()) if output.is_cuda else (0, 0)
        if not serial:
            raise CandidateError(
                Failure.NOT_MATERIALISED, f"an output is not in device memory ({output.device})"
            )
        return serial, offset
