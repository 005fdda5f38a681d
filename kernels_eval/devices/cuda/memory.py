"""Between the judge and one worker on a GPU.

Inputs: physical memory of the judge's, handed over as a file descriptor. Outputs: physical memory
of the worker's, offered the same way and mapped here for reading. A descriptor is a right to one
block; no number that could be guessed opens anything.

While inputs are written the device is watched (watch.py). The clock stops when it is free again;
it is watched while a random sample of the outputs' words is read, and when the outputs have been
checked, the same words are read again. Work that goes on after the answer is seen or changes them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kernels_eval.devices.base import Memory, NotQuietError
from kernels_eval.devices.cuda import driver, gather
from kernels_eval.devices.cuda.cool import cool
from kernels_eval.devices.cuda.interface import over
from kernels_eval.devices.cuda.watch import watch_on
from kernels_eval.errors import OutOfRoomError
from kernels_eval.problems.layout import in_memory_order
from kernels_eval.problems.sets import InputSet
from kernels_eval.processes.worker import Worker, WorkerForgedError, close_aside
from kernels_eval.worker.protocol import RECORD_WORDS, Job, Message, OutputSpec

_SAMPLES = 16384
"""Words read when the clock stops. Work on a share f of the outputs that is done later goes unseen
with probability (1 − f)^16384: 8e-8 for one thousandth."""
_QUIET_NS = 400_000
"""A launch and its answer take 20 µs alone and 2,300 µs (one time slice) beside another process's
kernel on an H200."""
_PROBES = 3
_PATIENCE_S = 1.0
_MOST_OFFERS = 4096
"""Of blocks, in a worker's life."""
_FURTHEST = 1 << 40
"""Bytes into a block, and of a block."""
SPARE_BYTES = 64 * driver.GRANULE
"""So that every batch's inputs may lie elsewhere. Where they lie beside the outputs decides which
memory channels both want at once: torch's layer norm of 4096×4096 takes between 65 and 71 µs on an
H100, the same for as long as they stay there, and processes drew one place each."""


@dataclass
class _Segment:
    """A block of the worker's memory: its handle, and where it is mapped here."""

    handle: int
    size: int
    address: int


class CudaMemory(Memory):
    """Inputs' memory of the judge's, outputs' memory of the worker's."""

    watches = True

    def __init__(self, job: Job, device: torch.device) -> None:
        super().__init__(job)
        self._device = device
        self._index = device.index or 0
        self._size = self._handle = self._address = 0
        self._places: list[list[torch.Tensor]] = []
        self._descriptor = -1
        self._segments: dict[int, _Segment] = {}
        self._offers = 0
        self._rehearsed = False
        self._sampled: torch.Tensor | None = None
        self._words: torch.Tensor | None = None
        self._random = np.random.default_rng(secrets.randbits(64))
        self._probe = torch.zeros(1, device=device)

    def reserve(self, calls: int) -> tuple[int, int]:
        """One call's memory for the first call, which may be ahead of its turn; then all."""
        self._release()
        calls = 1 if calls == 1 else self.job.max_calls
        self.spare_bytes = SPARE_BYTES if calls > 1 else 0
        self._size = driver.rounded(self.job.region_bytes(calls)) + self.spare_bytes
        try:
            self._take_room()
        except driver.DriverError:
            torch.cuda.empty_cache()  # the judge's own reserve
            try:
                self._take_room()
            except driver.DriverError as error:
                raise OutOfRoomError(f"no room for inputs on {self._device}: {error}") from None
        return self._descriptor, calls

    def _take_room(self) -> None:
        """All of it or nothing. Raises DriverError."""
        self._handle = driver.create(self._size, self._index)
        try:
            self._address = driver.map_memory(self._handle, self._size, self._index)
            self._descriptor = driver.export(self._handle)
        except driver.DriverError:
            self._release()
            raise

    def place(self, calls: int) -> int:
        first = driver.GRANULE * int(
            self._random.integers(self.spare_bytes // driver.GRANULE, endpoint=True)
        )
        self._views(calls, first)
        return first

    def _release(self) -> None:
        """As much of it as there is."""
        self._places = []
        if self._descriptor >= 0:
            os.close(self._descriptor)
        if self._address:
            driver.unmap_memory(self._address, self._size)
        if self._handle:
            driver.release(self._handle)
        self._descriptor, self._address, self._handle = -1, 0, 0

    def _views(self, calls: int, start: int) -> None:
        job = self.job
        flat = over(self._address + start, job.region_bytes(calls), self._device)
        self._places = []
        for index in range(calls):
            views = []
            for place in job.places:
                span = 1 + sum((n - 1) * s for n, s in zip(place.shape, place.stride, strict=True))
                first = index * job.set_bytes + place.offset
                count = 0 if 0 in place.shape else span
                views.append(flat[first : first + count * place.dtype.itemsize].view(place.dtype))
            self._places.append(views)

    def write(self, sets: Sequence[InputSet]) -> None:
        places = [place for one in self._places[: len(sets)] for place in one]
        tensors = [in_memory_order(tensor) for item in sets for tensor in item.inputs]
        torch._foreach_copy_(places, tensors)
        cool(self._device)
        self._draws = self._random.random(_SAMPLES), self._random.random(_SAMPLES)
        torch.cuda.current_stream(self._device).synchronize()  # the device's watch goes on

    def wait_quiet(self) -> None:
        if self.job.trusted:
            self._rehearse()
        started = time.monotonic()
        while True:
            torch.cuda.synchronize(self._device)
            least = min(self._answer_ns() for _ in range(_PROBES))
            if least < _QUIET_NS and watch_on(self._device).begin():
                return
            if time.monotonic() - started > _PATIENCE_S:
                raise NotQuietError

    def _rehearse(self) -> None:
        """Copy once as `write` will, if it is the first time: the driver loads a kernel when it is
        first launched, and does not while another one runs."""
        if self._rehearsed:
            return
        self._rehearsed = True
        places = [place for one in self._places for place in one]
        torch._foreach_copy_(places, [place.clone() for place in places])
        cool(self._device)
        gather.words(torch.from_numpy(np.array([self._address])).to(self._device))

    def wait_free(self) -> bool:
        return watch_on(self._device).begin()

    def traffic(self) -> bool:
        return watch_on(self._device).traffic

    def stop_watching(self) -> int | None:
        watch = watch_on(self._device)
        return watch.end() if watch.on else 0

    def _answer_ns(self) -> int:
        started = time.perf_counter_ns()
        self._probe.add_(1)
        torch.cuda.synchronize(self._device)
        return time.perf_counter_ns() - started

    def accept(self, message: Message, descriptors: list[int]) -> None:
        try:
            self._offers += 1
            if len(descriptors) != 1 or self._offers > _MOST_OFFERS:
                raise WorkerForgedError("memory was offered without its descriptor, or too often")
            size = message.value
            if size <= 0 or size % driver.GRANULE or size > _FURTHEST:
                raise WorkerForgedError("memory of a size that cannot be")
            try:
                handle = driver.take(descriptors[0])
            except driver.DriverError as error:
                raise _blame(error, "what was offered is no device memory") from None
            self._forget(message.second)
            try:  # now: the driver may not while a kernel runs
                address = driver.map_memory(handle, size, self._index, write=False)
            except driver.DriverError as error:
                driver.release(handle)
                raise _blame(error, "memory that cannot be mapped") from None
            self._segments[message.second] = _Segment(handle, size, address)
        finally:
            for descriptor in descriptors:
                close_aside(descriptor)

    def _forget(self, serial: int) -> None:
        segment = self._segments.pop(serial, None)
        if segment is None:
            return
        driver.unmap_memory(segment.address, segment.size)
        driver.release(segment.handle)

    def _at(self, serial: int, offset: int, length: int) -> int:
        """The address here of `length` bytes in a block. Raises WorkerForgedError."""
        segment = self._segments.get(serial)
        if segment is None:
            raise WorkerForgedError("an output in memory that was never offered")
        if offset < 0 or offset + length > segment.size:
            raise WorkerForgedError("an output beyond the memory that was offered")
        return segment.address + offset

    def settle(self, count: int) -> None:
        """Read a sample of the words of `count` calls' outputs. Raises WorkerForgedError."""
        starts, spans = self._spread(count)
        total = len(spans)
        places = np.flatnonzero(spans > 0)
        if not len(places):
            return
        # Half of the sample from the last call, which is the one that late work would be late for.
        last = places[places >= total - len(self.job.outputs)]
        which, where = self._draws
        half = _SAMPLES // 2
        chosen = np.concatenate(
            [places[(which[:half] * len(places)).astype(int)],
             last[(which[half:] * len(last)).astype(int)]]
        )  # fmt: skip
        offsets = (where * spans[chosen]).astype(np.uint64)
        addresses = (starts[chosen] + offsets) & ~np.uint64(3)
        self._sampled = torch.from_numpy(addresses.view(np.int64)).to(self._device)
        self._words = gather.words(self._sampled)
        torch.cuda.current_stream(self._device).synchronize()

    def _spread(self, count: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Address here and bytes spanned of every output of `count` calls, by call, then place."""
        specs = self.job.outputs
        total = count * len(specs)
        words = memoryview(self.report.map).cast("q")
        try:
            table = np.array(words[: RECORD_WORDS * total]).reshape(total, RECORD_WORDS)
        finally:
            words.release()
        spans = np.tile(np.array([spec.nbytes for spec in specs], dtype=np.int64), count)
        for position in np.flatnonzero(table[:, 2]):
            spec = specs[position % len(specs)]
            spans[position] = self.span_of(spec, table[position].tolist())[0] * spec.dtype.itemsize
        starts = np.zeros(total, dtype=np.uint64)
        for serial in np.unique(table[spans > 0, 0]).tolist():
            mine = (table[:, 0] == serial) & (spans > 0)
            offsets = table[mine, 1]
            if offsets.min() < 0 or (offsets > _FURTHEST).any():  # whose sums would wrap around
                raise WorkerForgedError("an output at an address that cannot be")
            low, high = int(offsets.min()), int((offsets + spans[mine]).max())
            base = self._at(serial, low, high - low) - low
            starts[mine] = offsets.astype(np.uint64) + np.uint64(base)
        return starts, spans

    def verify(self) -> bool:
        if self._sampled is None or self._words is None:
            return True
        return bool(torch.equal(gather.words(self._sampled), self._words))

    def read(
        self,
        worker: Worker,  # noqa: ARG002 - its memory is mapped here
        spec: OutputSpec,
        record: list[int],
    ) -> torch.Tensor:
        if spec.numel == 0:
            return torch.empty(0, dtype=spec.dtype, device=self._device)
        span, strides = self.span_of(spec, record)
        length = span * spec.dtype.itemsize
        address = self._at(record[0], record[1], length)
        if address % spec.dtype.itemsize:
            raise WorkerForgedError("an output that is not aligned")
        storage = over(address, length, self._device).view(spec.dtype)
        return storage if strides is None else storage.as_strided(spec.shape, strides).reshape(-1)

    def forget_outputs(self) -> None:
        """What is mapped here outlives the worker."""
        self._sampled = self._words = None
        torch.cuda.synchronize(self._device)
        for serial in list(self._segments):
            self._forget(serial)

    def close(self) -> None:
        super().close()
        self._places = []
        with contextlib.suppress(driver.DriverError, torch.AcceleratorError):
            self.forget_outputs()
            self._release()


def _blame(error: driver.DriverError, text: str) -> Exception:
    """Forged, unless there was no room for it: others may have taken that."""
    if error.no_room:
        return OutOfRoomError(f"no room for outputs: {error}")
    return WorkerForgedError(f"{text}: {error}")
