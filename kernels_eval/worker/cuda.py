"""A worker's side on a GPU: inputs in the judge's device memory, outputs in exportable memory.

The candidate's allocations are torch's own, out of blocks that can be shown to the judge (see
devices/cuda/exportable.c). An output elsewhere (raw cudaMalloc, a graph's pool in small blocks) is
copied into such memory inside the timed batch: honest, and paid for.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import torch

from kernels_eval.devices.cuda import driver
from kernels_eval.devices.cuda.interface import over
from kernels_eval.tree import flatten, unflatten
from kernels_eval.worker.candidate import CandidateError
from kernels_eval.worker.place import describer
from kernels_eval.worker.protocol import Failure, Job

_word = ctypes.c_ulonglong
_MOVABLE = (torch.nn.Module, torch.Tensor)


class CudaSide:
    """Arguments over the judge's memory, and a batch between two events."""

    def __init__(self, job: Job, report: memoryview) -> None:
        self._job = job
        self._describe = describer(job, report, self._locate)
        self._device = torch.device(job.device)
        self._low = self._high = self._serial = 0
        self._seen: set[int] = set()
        self._fresh: list[tuple[int, int]] = []
        self._address = self._size = self._bytes = 0
        self._shim = ctypes.CDLL(None)
        self._shim.kernels_eval_segment.restype = _word
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
        except torch.AcceleratorError as error:
            if "out of memory" not in str(error):
                raise
            raise CandidateError(Failure.MEMORY, "no memory for a context on the GPU") from None

    def place(self, model: Any) -> Any:
        """The model (or a tensor it is built from) where it is to run."""
        return model.to(self._device) if isinstance(model, _MOVABLE) else model

    def attach(self, descriptor: int, calls: int) -> None:
        if self._address:
            self._synchronize()
            driver.unmap_memory(self._address, self._size)
        self._bytes = self._job.region_bytes(calls)
        self._size = driver.rounded(self._bytes)
        handle = driver.take(descriptor)
        os.close(descriptor)
        self._address = driver.map_memory(handle, self._size, self._device.index or 0)
        driver.release(handle)

    def memory(self) -> torch.Tensor:
        """The inputs' memory as bytes."""
        return over(self._address, self._bytes, self._device)

    def ready(self, count: int) -> None:  # noqa: ARG002 - nothing to map on a GPU
        """Nothing of the last batch is under way when the next one starts."""
        self._synchronize()

    def batch(
        self,
        model: Callable[..., Any],
        arguments: list[tuple[Any, ...]],
        results: list[Any],
    ) -> int:
        """Nanoseconds between an event before the first call and one after the last.

        Describing the outputs is inside, so that what comes after the second event is the same for
        every candidate; the device works meanwhile.
        """
        keep, describe = self._keep, self._describe
        self._start.record()
        for index, call in enumerate(arguments):
            results[index] = model(*call)
        for index, output in enumerate(results):
            results[index] = kept = keep(output)
            describe(index, kept)
        self._end.record()
        self._synchronize()
        return int(self._start.elapsed_time(self._end) * 1e6)

    def exported(self) -> list[tuple[int, int, int]]:
        """(serial, size, descriptor) of memory that the judge has not seen yet."""
        found = []
        for serial, size in self._fresh:
            descriptor = self._shim.kernels_eval_export(_word(serial))
            if descriptor >= 0:
                found.append((serial, size, descriptor))
        self._fresh.clear()
        return found

    def _keep(self, output: Any) -> Any:
        """The output, or a copy of it where the judge can read it."""
        if type(output) is torch.Tensor and self._low <= output.data_ptr() < self._high:
            return output
        tensors, nesting = flatten(output)
        if all(
            type(t) is not torch.Tensor or not t.is_cuda or self._segment(t.data_ptr())
            for t in tensors
        ):
            return output
        return unflatten(
            nesting,
            [
                t.clone()
                if type(t) is torch.Tensor and t.is_cuda and not self._segment(t.data_ptr())
                else t
                for t in tensors
            ],
        )

    def _segment(self, address: int) -> int:
        """Serial of the block that holds the address, remembered; 0 if none does."""
        if self._low <= address < self._high:
            return self._serial
        base, size = _word(), _word()
        serial = int(
            self._shim.kernels_eval_segment(_word(address), ctypes.byref(base), ctypes.byref(size))
        )
        if serial:
            self._low, self._high, self._serial = base.value, base.value + size.value, serial
            if serial not in self._seen:
                self._seen.add(serial)
                self._fresh.append((serial, size.value))
        return serial

    def _locate(self, output: torch.Tensor) -> tuple[int, int]:
        if output.numel() == 0:
            return 0, 0
        address = output.data_ptr()
        serial = self._segment(address) if output.is_cuda else 0
        if not serial:
            raise CandidateError(
                Failure.NOT_MATERIALISED, f"an output is not in device memory ({output.device})"
            )
        return serial, address - self._low
