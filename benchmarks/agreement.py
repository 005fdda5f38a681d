"""Do two measurements of one kernel agree, a machine load apart?

    python benchmarks/agreement.py --device cpu --out benchmarks/records
    python benchmarks/agreement.py --device cuda:0 --per-problem 1

Each honest candidate of the acceptance suite is judged on the quiet machine, under load (a busy
process for every core), and on the quiet machine again, by three judges that share nothing. Agreed:
their 95 % intervals of the speedup overlap. Recorded after every round, with all intervals, the
milliseconds of both sides and how many candidates were found to be measured on a busy machine, and
with the spread: root mean square of the logarithm of one round's speedup over the other's, over the
square root of 2, that is the standard deviation of one measurement.
torch is enough to run this.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from kernels_eval import Judge, JudgeConfig, Verdict  # noqa: E402
from kernels_eval.baselines import device_words  # noqa: E402
from tests.kernels_eval.candidate_files import by_problem, collect, problem_text  # noqa: E402

Interval = tuple[float, float]
ROUNDS = ("quiet", "loaded", "quiet again")


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Busy processes on all cores for the length of the block."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def verdicts(
    device: str, mode: str, per_problem: int | None, every: int
) -> tuple[dict[str, Verdict], tuple[int, ...]]:
    """Candidate → its verdict, and the cores that timed.

    Raises SystemExit if an honest candidate is not correct.
    """
    found: dict[str, Verdict] = {}
    with Judge(JudgeConfig(device=device, mode=mode)) as judge:  # type: ignore[arg-type]
        problems = by_problem(collect("honest" if device == "cpu" else "honest/gpu"))
        for problem, files in list(problems.items())[::every]:
            sources = [file.source for file in files[:per_problem]]
            for index, verdict in judge.evaluate_many(problem_text(problem), sources):
                if verdict.speedup_ci is None:
                    raise SystemExit(f"{files[index].name}: {verdict.status} {verdict.error}")
                found[files[index].name] = verdict
    return found, judge.cores.timing


def interval(verdict: Verdict) -> Interval:
    return verdict.speedup_ci or (0.0, 0.0)


def overlap(one: Verdict, other: Verdict) -> bool:
    (low, high), (bottom, top) = interval(one), interval(other)
    return max(low, bottom) <= min(high, top)


def spread(one: dict[str, Verdict], other: dict[str, Verdict]) -> float:
    logs = [math.log((one[k].speedup or 1.0) / (other[k].speedup or 1.0)) for k in one]
    return round(math.sqrt(statistics.fmean(log * log for log in logs) / 2), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--mode", default="fast")
    parser.add_argument("--per-problem", type=int, help="kernels of each problem, at most")
    parser.add_argument("--every", type=int, default=1, help="only every n-th problem")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    measured: dict[str, dict[str, Verdict]] = {}
    target = given.out / f"agreement-{given.device.partition(':')[0]}.json"
    for name in ROUNDS:
        started = time.monotonic()
        with load(cores if name == "loaded" else 0):
            measured[name], timing = verdicts(
                given.device, given.mode, given.per_problem, given.every
            )
        kernels = sorted(measured[name])
        agreed = {
            f"{one}, {other}": sum(overlap(measured[one][k], measured[other][k]) for k in kernels)
            for one, other in combinations(measured, 2)
        }
        record = {
            "question": "do the intervals of one kernel overlap, a machine load apart?",
            "kernels": len(kernels),
            "agreed": agreed,
            "spread": {
                f"{one}, {other}": spread(measured[one], measured[other])
                for one, other in combinations(measured, 2)
            },
            "busy": {
                r: sum(any(f.rule == "busy-machine" for f in v.findings) for v in found.values())
                for r, found in measured.items()
            },
            "intervals": {
                k: {r: interval(found[k]) for r, found in measured.items()} for k in kernels
            },
            "candidate_and_reference_ms": {
                k: {
                    r: (found[k].runtime_ms, found[k].reference_ms) for r, found in measured.items()
                }
                for k in kernels
            },
            "device": device_words(torch.device(given.device), timing),
            "cores": cores,
            "mode": given.mode,
            "versions": {"torch": torch.__version__, "python": platform.python_version()},
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        target.write_text(json.dumps(record, indent=2) + "\n")
        took_s = time.monotonic() - started
        print(f"{name}: {len(kernels)} in {took_s:.0f} s, agreed {json.dumps(agreed)}", flush=True)
    for kernel in kernels:
        shown = ("{:.3f}-{:.3f}".format(*interval(measured[name][kernel])) for name in ROUNDS)
        print(f"{kernel:32}", *shown)


if __name__ == "__main__":
    main()
