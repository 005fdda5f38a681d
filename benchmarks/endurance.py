"""A thousand candidates in a row on the CPU: how many a minute, and what is left of them?

    python benchmarks/endurance.py --count 1000 --out benchmarks/records

Distinct `cpp` candidates as the embedded policy's corpus has them (right, slipped and cheating, in
its proportions), over the 20 problems at their `cpu` sizes, through one judge. Recorded: candidates
per minute with the preparation of problems in it, the share of each stage, and memory, descriptors
and processes of the judge after each problem.
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

import psutil  # noqa: E402
import torch  # noqa: E402

from kernels_eval import Judge, JudgeConfig  # noqa: E402
from tasks.policies.embedded.corpus.stream import generate  # noqa: E402
from tasks.policies.scaffold import scaffold_body  # noqa: E402
from tasks.problems import load_suite  # noqa: E402

STAGES = ("compile", "draw", "check", "time")


def candidates(count: int, seed: int) -> dict[int, list[str]]:
    """Problem id → distinct sources with C++ in them, `count` in all."""
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
    """What the judge's process holds now."""
    process = psutil.Process()
    return {
        "resident_mib": round(process.memory_info().rss / 2**20, 1),
        "descriptors": process.num_fds(),
        "processes": len(process.children(recursive=True)),
        "shared_mib": round(psutil.virtual_memory().shared / 2**20, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    problems = {one.problem_id: one for one in load_suite("embedded").problems}
    sources = candidates(given.count, given.seed)
    statuses: Counter[str] = Counter()
    stages = dict.fromkeys(STAGES, 0.0)
    after: list[dict[str, float]] = []
    done, started = 0, time.monotonic()
    document: dict[str, Any] = {}
    with Judge(JudgeConfig()) as judge:
        for number, mine in sources.items():
            for _, verdict in judge.evaluate_many(problems[number].source, mine):
                done += 1
                statuses[verdict.status.value] += 1
                for stage in STAGES:
                    stages[stage] += getattr(verdict.seconds, stage)
            seconds = time.monotonic() - started
            after.append({"problem": number, "candidates": done, **state()})
            document = {
                "question": "candidates per minute on the CPU, and what a thousand leave behind",
                "candidates": done,
                "seconds": round(seconds, 1),
                "per_minute": round(60 * done / seconds, 1),
                "statuses": dict(sorted(statuses.items())),
                "stage_seconds": {name: round(value, 1) for name, value in stages.items()},
                "after_each_problem": after,
                "device": "cpu",
                "cores": len(os.sched_getaffinity(0)),
                "load_average": os.getloadavg(),
                "versions": {"torch": torch.__version__, "python": platform.python_version()},
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
            }
            write(given.out, document)
            print(f"{number:3} {60 * done / seconds:6.1f} a minute", after[-1], flush=True)
    gc.collect()
    document["after_closing"] = state()  # what no pool of input sets explains
    write(given.out, document)
    print(document["after_closing"])
    return 0


def write(directory: Path, document: dict[str, Any]) -> None:
    (directory / "endurance.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
