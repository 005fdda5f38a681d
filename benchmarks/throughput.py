"""How long does a candidate wait for its verdict on a GPU, and what is the device doing meanwhile?

    python benchmarks/throughput.py --out benchmarks/records [--only softmax relu 36 ...]

KernelBench's sizes, float32, one batch per problem: distinct Triton candidates of a softmax over
4096 x 393216; `load_inline` candidates of a ReLU of the same size, nvcc from nothing for each and
once more with their object files kept; and every operator of the embedded suite with the honest
kernels of the test suite in several variants.

`seconds_each` is the wall time from the batch's hand-over to its last verdict, over its candidates;
`prepare_s` (inputs, float64 answers, reference) is paid once a problem. `on_device` is the share of
both together that went into drawing, answering, calling and checking on the device: work that had
to be done. The record is rewritten after every batch.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import faulthandler
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from benchmarks.gpu_acceptance import versions  # noqa: E402
from kernels_eval import Judge, JudgeConfig, ProblemError, Verdict  # noqa: E402
from tests.kernels_eval.candidate_files import collect, problem_text, read  # noqa: E402

HONEST = ROOT / "tests" / "kernels_eval" / "honest" / "gpu"
PROBLEM = """
import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return {body}


def get_inputs():
    return [torch.rand(4096, 393216)]


def get_init_inputs():
    return []
"""


def softmaxes(count: int) -> list[str]:
    """Online softmax kernels that differ in block size and warps."""
    text = read(HONEST / "softmax_online.py").source
    blocks, warps = (1024, 2048, 4096, 8192), (4, 8, 16)
    found = [
        text.replace("BLOCK=1024", f"BLOCK={block}, num_warps={warp}") + f"\n# take {take}\n"
        for take in range(1 + count // (len(blocks) * len(warps)))
        for block in blocks
        for warp in warps
    ]
    return found[:count]


def inline_relus(count: int) -> list[str]:
    """C++ extensions with another block size or name each."""
    text = read(HONEST / "relu_cuda_inline.py").source
    sizes = (64, 96, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 1024)
    found = []
    for index in range(count):
        size = sizes[index % len(sizes)]
        one = text.replace("n + 255) / 256, 256", f"n + {size - 1}) / {size}, {size}")
        found.append(one.replace("relu_inline", f"relu_inline_{index}"))
    return found


def batches(variants: int, many: int) -> dict[str, tuple[str, list[str]]]:
    """Name → problem and candidates."""
    found = {
        "softmax 4096x393216, Triton": (PROBLEM.format(body="torch.softmax(x, dim=1)"), many),
        "relu 4096x393216, load_inline": (PROBLEM.format(body="torch.relu(x)"), 16),
    }
    makers = (softmaxes, inline_relus)
    made = {
        name: (text, maker(count))
        for (name, (text, count)), maker in zip(found.items(), makers, strict=True)
    }
    made["relu again, objects kept"] = made["relu 4096x393216, load_inline"]
    for file in collect("honest/gpu"):
        if file.problem.startswith("embedded/"):
            text = problem_text(file.problem.replace("embedded", "kernelbench"))
            made[f"{file.problem.removeprefix('embedded/')} {file.name}"] = (
                text,
                [f"{file.source}\n# variant {index}\n" for index in range(variants)],
            )
    return made


def judged(judge: Judge, problem: str, sources: list[str]) -> dict[str, Any]:
    """One batch from nothing."""
    started = time.monotonic()
    prepared = judge.prepare(problem)
    ready = time.monotonic()
    verdicts = [verdict for _, verdict in judge.evaluate_many(problem, sources)]
    ended = time.monotonic()
    stages = {
        name: round(sum(getattr(one.seconds, name) for one in verdicts), 3)
        for name in ("compile", "draw", "check", "time")
    }
    on_device = (ready - started) + stages["draw"] + stages["check"] + stages["time"]
    return {
        "candidates": len(verdicts),
        "statuses": statuses(verdicts),
        "prepare_s": round(ready - started, 2),
        "wall_s": round(ended - ready, 2),
        "seconds_each": round((ended - ready) / len(verdicts), 3),
        "seconds_each_with_preparation": round((ended - started) / len(verdicts), 3),
        "on_device": round(on_device / (ended - started), 3),
        "stage_seconds": stages,
        "trials": sum(one.trials for one in verdicts) / len(verdicts),
        "reference_ms": next((one.reference_ms for one in verdicts if one.reference_ms), None),
        "speedups": [round(one.speedup, 3) if one.speedup else None for one in verdicts][:4],
        "errors": sorted({one.error[:160] for one in verdicts if one.error})[:3],
        "call_bytes": prepared.input_bytes + prepared.output_bytes,
    }


@contextlib.contextmanager
def nothing_compiled_before() -> Iterator[None]:
    """A cache of this run's own, so that the compilers have everything to do."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        yield


@contextlib.contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Print where the judge's main thread was, by functions' own time and with what they call."""
    if not wanted:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        for key in ("tottime", "cumulative"):
            pstats.Stats(profile).sort_stats(key).print_stats(30)


def statuses(verdicts: list[Verdict]) -> dict[str, int]:
    names = [one.status.value for one in verdicts]
    return {name: names.count(name) for name in sorted(set(names))}


def write(path: Path, found: dict[str, Any], seconds: float) -> None:
    known = [one for one in found.values() if "wall_s" in one]
    whole = sum(one["wall_s"] + one["prepare_s"] for one in known)
    busy = sum(one["on_device"] * (one["wall_s"] + one["prepare_s"]) for one in known)
    document = {
        "question": "seconds to a verdict on a GPU, and the share of device work in them",
        "device": torch.cuda.get_device_name(),
        "versions": versions(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(seconds, 1),
        "on_device_over_all": round(busy / whole, 3) if whole else None,
        "batches": found,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    parser.add_argument("--only", nargs="*", default=[], help="first words of batches' names")
    parser.add_argument("--variants", type=int, default=4, help="of each operator's kernel")
    parser.add_argument("--many", type=int, default=24, help="softmax candidates")
    parser.add_argument("--profile", action="store_true", help="of the judge's main thread, too")
    given = parser.parse_args()
    started = time.monotonic()
    found: dict[str, Any] = {}
    with nothing_compiled_before(), Judge(JudgeConfig(device="cuda:0")) as judge:
        for name, (problem, sources) in batches(given.variants, given.many).items():
            if given.only and name.split(" ")[0] not in given.only:
                continue
            faulthandler.dump_traceback_later(180, exit=True)
            try:
                with profiled(given.profile):
                    found[name] = judged(judge, problem, sources)
            except ProblemError as error:
                found[name] = {"error": str(error)}
            brief = {k: v for k, v in found[name].items() if k not in ("call_bytes", "candidates")}
            print(name, json.dumps(brief), flush=True)
            write(given.out / "throughput.json", found, time.monotonic() - started)
    faulthandler.cancel_dump_traceback_later()
    return 0


if __name__ == "__main__":
    sys.exit(main())
