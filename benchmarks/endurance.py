"""A thousand candidates in a row: how many a minute, and what is left of them?

    python benchmarks/endurance.py --count 1000 --out benchmarks/records
    python benchmarks/endurance.py --count 1000 --device cuda:0 --out benchmarks/records

Over the 20 problems, through one judge. On the CPU, at `cpu` sizes: distinct `cpp` candidates as
the embedded policy's corpus has them (right, slipped and cheating, in its proportions). On a GPU,
at KernelBench's sizes: the test suite's honest kernels in variants; torch alone is enough there.
Recorded: candidates per minute with the preparation of problems in it, the share of each stage, and
memory, descriptors and processes of the judge after each problem.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from kernels_eval import Judge, JudgeConfig  # noqa: E402
from kernels_eval.processes import control  # noqa: E402
from tests.kernels_eval.candidate_files import collect, problem_text  # noqa: E402

STAGES = ("compile", "draw", "check", "time")


def on_gpu(count: int) -> dict[int, list[str]]:
    """Problem id → an honest kernel in variants, `count` in all."""
    files = [file for file in collect("honest/gpu") if file.problem.startswith("embedded/")]
    each = -(-count // len(files))
    return {
        int(file.problem.removeprefix("embedded/")): [
            f"{file.source}\n# variant {index}\n" for index in range(each)
        ]
        for file in files
    }


def on_cpu(count: int, seed: int) -> dict[int, list[str]]:
    """Problem id → distinct sources with C++ in them, `count` in all."""
    from tasks.policies.embedded.corpus.stream import generate
    from tasks.policies.scaffold import scaffold_body
    from tasks.problems import load_suite

    problems = {one.problem_id: one for one in load_suite("embedded").problems}
    each = -(-count // len(problems))
    found: dict[int, dict[str, None]] = {number: {} for number in problems}
    for example in generate(seed):
        mine = found[example.problem_id]
        source = example.text
        if example.mode == "body":
            source = scaffold_body(problems[example.problem_id], source)
        if len(mine) < each and 'extern "C"' in source:
            mine[source] = None
        if all(len(one) >= each for one in found.values()):
            break
    return {number: list(sources) for number, sources in found.items()}


def state() -> dict[str, float]:
    """What the judge's process holds now; on a GPU, what all processes hold of its memory."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    lines = Path("/proc/meminfo").read_text().splitlines()
    (shared_kib,) = (int(line.split()[1]) for line in lines if line.startswith("Shmem:"))
    found = {
        "resident_mib": round(resident / 2**20, 1),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())) - 1,
        "processes": descendants(os.getpid()),
        "shared_mib": round(shared_kib / 2**10, 1),
    }
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        found["device_mib"] = round((total - free) / 2**20, 1)
    return found


def descendants(pid: int) -> int:
    return sum(1 + descendants(child) for child in control.children(pid))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    cpu = given.device == "cpu"
    sources = on_cpu(given.count, given.seed) if cpu else on_gpu(given.count)
    device = "cpu" if cpu else torch.cuda.get_device_name(given.device)
    path = given.out / ("endurance.json" if cpu else "endurance-cuda.json")
    statuses: Counter[str] = Counter()
    stages = dict.fromkeys(STAGES, 0.0)
    after: list[dict[str, float]] = []
    done, started = 0, time.monotonic()
    document: dict[str, Any] = {}
    with Judge(JudgeConfig(device=given.device)) as judge:
        for number, mine in sources.items():
            problem = problem_text(f"{'embedded' if cpu else 'kernelbench'}/{number}")
            for _, verdict in judge.evaluate_many(problem, mine):
                done += 1
                statuses[verdict.status.value] += 1
                for stage in STAGES:
                    stages[stage] += getattr(verdict.seconds, stage)
            seconds = time.monotonic() - started
            after.append({"problem": number, "candidates": done, **state()})
            document = {
                "question": "candidates per minute, and what a thousand of them leave behind",
                "candidates": done,
                "seconds": round(seconds, 1),
                "per_minute": round(60 * done / seconds, 1),
                "statuses": dict(sorted(statuses.items())),
                "stage_seconds": {name: round(value, 1) for name, value in stages.items()},
                "after_each_problem": after,
                "device": device,
                "cores": len(os.sched_getaffinity(0)),
                "load_average": os.getloadavg(),
                "versions": {"torch": torch.__version__, "python": platform.python_version()},
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
            }
            path.write_text(json.dumps(document, indent=2) + "\n")
            print(f"{number:3} {60 * done / seconds:6.1f} a minute", after[-1], flush=True)
    gc.collect()
    document["after_closing"] = state()  # what no pool of input sets explains
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(document["after_closing"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
