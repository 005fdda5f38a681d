"""Is the judge's speedup true? The reference against itself, and kernels slowed by a known factor.

    python benchmarks/calibration.py --device cuda:0 --repeats 200 --out benchmarks/records

Each candidate is the reference with `WORK` set to f times the reference's; f = 1 must be called
faster in at most 1 % of the cases, with an interval that covers 1 in at least 93 %; the others must
be measured within 3 % on a GPU. What f times the work costs there is not f times the time while
launching takes its share, so it is measured apart: back to back in a process of its own, without
the judge (`bare`). At "launches" the device waits for the process all the time; at the other sizes
it does not. torch is enough to run this.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from kernels_eval import Judge, JudgeConfig
from kernels_eval.baselines import device_words
from kernels_eval.timing.speed import Speedometer
from kernels_eval.types import Verdict

GPU = '''
import ctypes

import torch
from torch import nn

WORK = {work}
SOURCE = """
extern "C" __global__ void work(const float* x, float* out, int count, int work) {{
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= count) return;
    float value = x[index], chain = value;
    for (int step = 0; step < work; step++) chain = chain * 0.999f + 0.001f;
    out[index] = 2.0f * value + 0.0f * chain;
}}
"""


class Work:
    # Arguments are packed once: torch's own call takes longer than a small kernel.
    def __init__(self, count):
        self.kernel = torch.cuda._compile_kernel(SOURCE, "work")
        self.launch = ctypes.CDLL("libcuda.so.1").cuLaunchKernel
        self.x, self.out = ctypes.c_void_p(), ctypes.c_void_p()
        self.numbers = ctypes.c_int(count), ctypes.c_int(WORK)
        each = [ctypes.addressof(one) for one in (self.x, self.out, *self.numbers)]
        self.packed = (ctypes.c_void_p * len(each))(*each)
        self.rest = ((count + 255) // 256, 1, 1, 256, 1, 1, 0, None, self.packed, None)

    def __call__(self, x):
        out = torch.empty_like(x)
        self.x.value, self.out.value = x.data_ptr(), out.data_ptr()
        if self.launch(self.kernel.func, *self.rest):
            raise RuntimeError("cuLaunchKernel failed")
        return out


KERNEL = None


class {name}(nn.Module):
    def forward(self, x):
        global KERNEL
        if x.dtype is not torch.float32:
            return 2.0 * x
        if KERNEL is None:
            KERNEL = Work(x.numel())
        return KERNEL(x)


def get_inputs():
    return [torch.rand({rows}, 4096)]


def get_init_inputs():
    return []
'''
LAUNCH = CPU = """
import torch
from torch import nn

WORK = {work}


class {name}(nn.Module):
    def forward(self, x):
        for _ in range(WORK):
            out = torch.tanh(x)
        return out


def get_inputs():
    return [torch.rand({rows}, 4096)]


def get_init_inputs():
    return []
"""
SIZES = {
    "cuda": {
        "launches": (LAUNCH, 16, 4),
        "10 us": (GPU, 16, 3_000),
        "15 us": (GPU, 16, 5_000),
        "25 us": (GPU, 16, 10_000),
        "0.1 ms": (GPU, 2048, 200),
        "1 ms": (GPU, 4096, 2_000),
        "10 ms": (GPU, 8192, 10_000),
    },
    "cpu": {"0.1 ms": (CPU, 1, 10), "1 ms": (CPU, 4, 20), "10 ms": (CPU, 40, 20)},
}
FACTORS = (1.1, 1.5, 3.0)
_RUNS = 100
_UNCACHED_BYTES = 128 << 20
"""More than twice what an H200 caches."""
_TOLD = 12
"""Intervals that missed of which the trials are kept."""


def evaluate(judge: Judge, problem: str, sources: list[str]) -> Iterator[Verdict]:
    for _, verdict in judge.evaluate_many(problem, sources):
        if verdict.speedup is None:
            raise SystemExit(f"{verdict.status}: {verdict.error}")
        yield verdict


def bare(one: str, other: str, device: str, core: int) -> tuple[float, float]:
    """Milliseconds per call of both, back to back, and other over one: medians of 100 runs each.

    In a process of its own (the judge's launches more slowly), in turn, 5 ms each, from `core`
    while it is at full speed, and on inputs that no cache holds, as a judge's are: those of 0.3 MB
    make a kernel of 10 µs 3 % faster when they lie in the second-level cache.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_bare, (one, other, device, core))


def _bare(one: str, other: str, device: str, core: int) -> tuple[float, float]:
    os.sched_setaffinity(0, {core})
    torch.set_grad_enabled(False)
    speed = Speedometer((core,), one_at_a_time=True)
    event: Callable[..., Any] = torch.cuda.Event
    start, end = (event(enable_timing=True) for _ in range(2))

    def each_ms(model: Any, inputs: Iterator[torch.Tensor], calls: int) -> float:
        start.record()
        for x in itertools.islice(inputs, calls):
            model(x)
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)) / calls

    sides = []
    for source in (one, other):
        space: dict[str, Any] = {}
        exec(source, space)
        model, (x,) = space["ModelNew"](), (each.to(device) for each in space["get_inputs"]())
        inputs = itertools.cycle([x.clone() for _ in range(2 + _UNCACHED_BYTES // x.nbytes)])
        each_ms(model, inputs, 3)  # compiles
        sides.append((model, inputs, max(1, round(5.0 / each_ms(model, inputs, 20)))))
    gc.freeze()
    gc.disable()
    times: list[list[float]] = []
    for _ in range(4 * _RUNS):
        speed.settle(0.1)
        pair = [each_ms(*side) for side in sides]
        if not speed.slowed(speed.read()):
            times.append(pair)
        if len(times) == _RUNS:
            break
    if not times:
        raise SystemExit(f"core {core} was never at full speed for 10 ms; see `bon doctor`")
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    return first, second / first


def covers(verdict: Verdict) -> bool:
    """Whether the interval holds 1."""
    low, high = verdict.speedup_ci or (0.0, 0.0)
    return low <= 1.0 <= high


def trials(verdict: Verdict) -> dict[str, Any]:
    """What an interval that misses was made of, for whoever asks why."""
    return {
        "speedup": verdict.speedup,
        "speedup_ci": verdict.speedup_ci,
        "candidate_ms": [round(one, 5) for one in verdict.candidate_trials_ms],
        "reference_ms": [round(one, 5) for one in verdict.reference_trials_ms],
    }


def calibrate(
    judge: Judge, text: str, rows: int, work: int, repeats: int, seconds: float
) -> dict[str, object]:
    """One size: how often equal is called faster, and how far known factors are missed."""
    device = judge.config.device
    problem = text.format(work=work, name="Model", rows=rows)
    same = text.format(work=work, name="ModelNew", rows=rows)
    started = time.monotonic()
    verdicts = []
    for verdict in evaluate(judge, problem, [same] * repeats):
        verdicts.append(verdict)
        if time.monotonic() - started > seconds:
            break
    repeats = len(verdicts)
    seconds = (time.monotonic() - started) / repeats
    intervals = [verdict.speedup_ci or (0.0, 0.0) for verdict in verdicts]
    found: dict[str, object] = {
        "reference_ms": statistics.median(v.reference_ms or 0.0 for v in verdicts),
        "repeats": repeats,
        "fast_1": sum(verdict.fast_1 for verdict in verdicts) / repeats,
        "covers_1": sum(map(covers, verdicts)) / repeats,
        "median_width": statistics.median(high / low - 1 for low, high in intervals),
        "trials": statistics.mean(verdict.trials for verdict in verdicts),
        "stage_seconds_each": {
            stage: statistics.mean(getattr(verdict.seconds, stage) for verdict in verdicts)
            for stage in ("compile", "draw", "check", "time")
        },
        "spread_of_ratio": statistics.pstdev([v.speedup or 0.0 for v in verdicts]),
        "ratios": sorted(round(v.speedup or 0.0, 4) for v in verdicts),
        "missed": [trials(v) for v in verdicts if not covers(v)][:_TOLD],
        "seconds_each": seconds,
    }
    for factor in FACTORS:
        slow = text.format(work=round(work * factor), name="ModelNew", rows=rows)
        found["bare_ms"], true = (
            (0.0, factor) if device == "cpu" else bare(same, slow, device, judge.cores.timing[-1])
        )
        measured = [1 / (v.speedup or 1.0) for v in evaluate(judge, problem, [slow] * 5)]
        found[f"slowed {factor}x"] = measured
        found[f"bare {factor}x"] = true
        found[f"worst error at {factor}x"] = max(abs(m / true - 1) for m in measured)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--mode", default="fast")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--sizes", nargs="*")
    parser.add_argument("--seconds", type=float, default=1800.0, help="at most, for equal kernels")
    parser.add_argument("--label", default="")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    kind = given.device.partition(":")[0]
    record: dict[str, object] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "mode": given.mode,
        "label": given.label,
    }
    with Judge(JudgeConfig(device=given.device, mode=given.mode)) as judge:
        timing = judge.cores.timing
        record["device"] = device_words(torch.device(given.device), timing)
        record["timing_cores"] = len(timing)
        for size, (text, rows, work) in SIZES[kind].items():
            if given.sizes and size not in given.sizes:
                continue
            found = calibrate(judge, text, rows, work, given.repeats, given.seconds)
            record[size] = found
            print(size, json.dumps(found), flush=True)
            if given.out:  # after every size: a run that is cut off leaves what it has
                name = f"calibration-{kind}{given.label and '-' + given.label}.json"
                (given.out / name).write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
