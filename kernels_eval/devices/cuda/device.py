"""One CUDA GPU."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch

from kernels_eval.config import Mode
from kernels_eval.devices.base import Device, Shares
from kernels_eval.devices.cuda.memory import SPARE_BYTES, CudaMemory
from kernels_eval.devices.share import divide
from kernels_eval.errors import HarnessError
from kernels_eval.problems.pool import Pool
from kernels_eval.sandbox.limits import Limits
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.timing.cores import Cores
from kernels_eval.timing.gpu_clocks import GpuClocks
from kernels_eval.timing.physics import Best
from kernels_eval.timing.statistics import FAST, FULL, Budget
from kernels_eval.worker.protocol import Job

_CONTEXT_BYTES = 600 << 20
_SHARE = 0.95
_CLOCK_SLACK_NS = 1_000_000
_SHIM = Path(__file__).with_name("exportable.c")


class CudaDevice(Device):
    """A whole GPU, for this judge alone while it times."""

    on_gpu = True
    single_core = False
    first_call_ahead = True
    alignment = 512
    start_s = 0.25
    """An H200's driver makes one context at a time, 0.23 s for one and 2.3 s for sixteen; meanwhile
    whatever others ask of it waits."""
    reference_lasts = math.inf
    """Processes differ by less there (`timing/statistics.py`), and a fresh one costs a context."""
    budgets: ClassVar[Mapping[Mode, Budget]] = {
        # Where launching is most of the time, pairs differ by more than others even at full speed,
        # and half of them may have to be measured again.
        "fast": replace(
            FAST,
            max_pairs=48,
            seconds=0.5,
            patience=1,
            again_seconds=3.0,
            loosens=True,
            rough=0.25,
        ),
        "full": replace(FULL, again_seconds=60.0),
    }

    def __init__(self, name: str, cores: Cores) -> None:
        """Raises HarnessError if the GPU cannot be used."""
        self.torch_device = torch.device(name if ":" in name else f"{name}:0")
        self.name = str(self.torch_device)
        self._cores = cores
        _without_fragments()
        try:
            torch.cuda.set_device(self.torch_device)
            torch.empty(1, device=self.torch_device)
        except (RuntimeError, torch.AcceleratorError) as error:
            raise HarnessError(f"{self.name} cannot be used: {error}") from error
        # The reference at its stated precision: torch's default lets convolutions use TF32.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        self._bandwidth = Best(self._copies)
        self._properties = torch.cuda.get_device_properties(self.torch_device)
        self.batch_bytes = max(1 << 30, self._properties.total_memory // 10)

    def memory(self, job: Job) -> CudaMemory:
        return CudaMemory(job, self.torch_device)

    def clocks(self) -> GpuClocks:
        return GpuClocks(_CLOCK_SLACK_NS)

    def sandbox(self, plan: SandboxPlan) -> tuple[SandboxPlan, Limits]:
        """CUDA reserves far more addresses than it uses, so only what is written is counted."""
        limits = Limits(memory_bytes=32 << 30, open_files=4096, processes=1024)
        return replace(plan, gpu=True, address_space=False), limits

    def environment(self, session: str) -> dict[str, str]:
        """Raises HarnessError without a C compiler (Triton needs one, too)."""
        library = Path(session) / "exportable.so"
        compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
        command = [compiler, "-O2", "-shared", "-fPIC", str(_SHIM), "-o", str(library)]
        try:
            done = subprocess.run(
                [*command, "-ldl", "-lpthread"], capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise HarnessError(f"no C compiler {compiler!r}; install gcc or set CC") from None
        if done.returncode != 0:
            raise HarnessError(f"exportable.c does not compile: {done.stderr.strip()[-500:]}")
        library.chmod(0o755)
        major, minor = self._properties.major, self._properties.minor
        return {
            "LD_PRELOAD": str(library),
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:False",
            "KERNELS_EVAL_CAPABILITY": f"{major}{minor}",
            "TORCH_CUDA_ARCH_LIST": os.environ.get("TORCH_CUDA_ARCH_LIST", f"{major}.{minor}"),
            "MAX_JOBS": "2",
            "CUDA_CACHE_MAXSIZE": "268435456",
        }

    def cache_bytes(self) -> int:
        return int(self._properties.L2_cache_size)

    def bandwidth(self, *, again: bool = False) -> float:
        return self._bandwidth(again=again)

    def _copies(self) -> float:
        """Best of five copies of an eighth of the free memory, at most 2 GB; bytes both ways."""
        free, _ = torch.cuda.mem_get_info(self.torch_device)
        size = min(2 << 30, free // 8)
        source = torch.empty(size, dtype=torch.uint8, device=self.torch_device)
        target = torch.empty_like(source)
        start, end = (_event() for _ in range(2))
        best = 0.0
        for _ in range(5):
            start.record()
            target.copy_(source)
            end.record()
            torch.cuda.synchronize(self.torch_device)
            best = max(best, 2 * size / (start.elapsed_time(end) * 1e-3))
        del source, target
        torch.cuda.empty_cache()
        return best

    def pool_bytes(self) -> int:
        """A fifth of the device's memory."""
        return int(self._properties.total_memory // 5)

    def shares(self, job: Job, pool: Pool, wanted: int) -> Shares:
        """What is free, less what the judge took for an answer at its peak, divided.

        Counted are inputs, outputs and a context. Who takes more and does not find it is judged
        again with nothing else on the device, so hoping costs time only.
        """
        self.bandwidth()  # its copies would take others' room later
        free, _ = torch.cuda.mem_get_info(self.torch_device)
        peak = torch.cuda.max_memory_allocated(self.torch_device)
        working = peak - torch.cuda.memory_allocated(self.torch_device)
        outputs = sum(spec.nbytes for spec in job.outputs)
        timed = job.region_bytes(job.max_calls) + SPARE_BYTES + outputs * job.max_calls
        working += timed - job.region_bytes(1) - outputs  # the other sets of a batch
        each = job.region_bytes(1) + outputs + _CONTEXT_BYTES  # for a first call
        # Every other worker that is being imported has a context, too.
        contexts = _CONTEXT_BYTES * (2 + len(self._cores.side))
        room = int(_SHARE * free) + pool.nbytes - working - contexts - timed
        return divide(room, each, pool.largest, wanted, len(self._cores.side), self.pool_bytes())


def _without_fragments() -> None:
    """What an answer takes for a moment, in pieces of many sizes, leaves whole memory behind."""
    with contextlib.suppress(AttributeError, RuntimeError):  # it is no public name, and saves only
        torch._C._accelerator_setAllocatorSettings("expandable_segments:True")


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
