"""The CPU: inputs in a memfd, outputs read out of the stopped worker's memory."""

from __future__ import annotations

import itertools
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch

from kernels_eval.config import Mode
from kernels_eval.devices.base import Device, Memory, Shares
from kernels_eval.problems.layout import in_memory_order
from kernels_eval.problems.pool import Pool
from kernels_eval.problems.sets import InputSet
from kernels_eval.processes.shared import SharedMemory
from kernels_eval.processes.worker import Worker
from kernels_eval.sandbox.limits import Limits
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.timing import physics
from kernels_eval.timing.clocks import Clocks
from kernels_eval.timing.cores import Cores
from kernels_eval.timing.statistics import FAST, FULL, Budget
from kernels_eval.worker.protocol import Job, OutputSpec, TensorPlace

_BATCH_BYTES = 64 << 20
"""Several times what a core's caches hold, soon mapped."""
_SPARE_BYTES = 8 << 20
"""Several times what a core's second-level cache holds."""
_ALIGNMENT = 64
"""Bytes, of inputs; a line of the cache."""
_IN_A_ROW = 2
"""Batches at one place: who remembers answers by their inputs' addresses is wrong in the second."""


class CpuMemory(Memory):
    """A shared region that the judge writes; outputs by process_vm_readv.

    After every second batch the inputs lie at another place: on which pages they are decides how
    well they and the outputs share a cache. Chosen anew again and again, that is noise, which the
    interval knows, instead of a difference between candidates, which it does not. (Where they fill
    the second-level cache, medians of equal candidates scatter by 1.2 % so, and by 1.45 % on the
    same pages.)
    """

    spare_bytes = _SPARE_BYTES

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._region = SharedMemory("inputs", job.region_bytes(job.max_calls) + _SPARE_BYTES)
        self._start, self._batches = 0, itertools.count()

    def reserve(self, calls: int) -> tuple[int, int]:  # noqa: ARG002 - takes pages when used
        return self._region.descriptor, self.job.max_calls

    def place(self, calls: int) -> int:  # noqa: ARG002
        if next(self._batches) % _IN_A_ROW == 0:
            self._start = _ALIGNMENT * secrets.randbelow(1 + _SPARE_BYTES // _ALIGNMENT)
        return self._start

    def reset(self, job: Job) -> None:
        super().reset(job)
        self._region.zero()
        self._batches = itertools.count()

    def write(self, sets: Sequence[InputSet]) -> None:
        for index, item in enumerate(sets):
            first = self._start + index * self.job.set_bytes
            for place, tensor in zip(self.job.places, item.inputs, strict=True):
                _flat(self._region, first + place.offset, place).copy_(in_memory_order(tensor))

    def settle(self, count: int) -> None:
        """The worker is stopped, and with it all that could change its memory."""

    def read(self, worker: Worker, spec: OutputSpec, record: list[int]) -> torch.Tensor:
        if spec.numel == 0:
            return torch.empty(0, dtype=spec.dtype)
        span, strides = self.span_of(spec, record)
        storage = torch.empty(span, dtype=spec.dtype)
        worker.read([record[1]], span * spec.dtype.itemsize, storage.data_ptr())
        return storage if strides is None else storage.as_strided(spec.shape, strides).reshape(-1)

    def close(self) -> None:
        super().close()
        self._region.close()


class CpuDevice(Device):
    """The timing cores of this machine."""

    name = "cpu"
    on_gpu = False
    torch_device = torch.device("cpu")
    batch_bytes = _BATCH_BYTES
    first_call_ahead = False
    alignment = _ALIGNMENT
    start_s = 0.0
    reference_lasts = 16
    budgets: ClassVar[Mapping[Mode, Budget]] = {"fast": FAST, "full": FULL}

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._bandwidth = physics.Best(lambda: physics.cpu_bandwidth(cores.timing))
        self.single_core = len(cores.timing) == 1

    def memory(self, job: Job) -> CpuMemory:
        return CpuMemory(job)

    def clocks(self) -> Clocks:
        return Clocks(self.single_core)

    def sandbox(self, plan: SandboxPlan) -> tuple[SandboxPlan, Limits]:
        return replace(plan, gpu=False), Limits()

    def environment(self, session: str) -> dict[str, str]:  # noqa: ARG002
        return {}

    def cache_bytes(self) -> int:
        return physics.cpu_cache_bytes()

    def bandwidth(self, *, again: bool = False) -> float:
        return self._bandwidth(again=again)

    def pool_bytes(self) -> int:
        """A tenth of what the machine can give, at most 2 GB."""
        return int(min(2 << 30, available_bytes() // 10))

    def shares(self, job: Job, pool: Pool, wanted: int) -> Shares:  # noqa: ARG002
        return Shares(1 + len(self._cores.side), self.pool_bytes())


def available_bytes(told: Path = Path("/proc/meminfo")) -> int:
    """Memory that can be had: what is free, and what the system keeps of files only for speed."""
    for line in told.read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) << 10
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _flat(region: SharedMemory, offset: int, place: TensorPlace) -> torch.Tensor:
    count = math.prod(place.shape)
    if count == 0:
        return torch.empty(0, dtype=place.dtype)
    return torch.frombuffer(region.map, dtype=place.dtype, count=count, offset=offset)
