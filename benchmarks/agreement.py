"""Do two measurements of one kernel agree, a machine load apart?

    python benchmarks/agreement.py --device cpu --out benchmarks/records
    python benchmarks/agreement.py --device cuda:0 --per-problem 1
    python benchmarks/agreement.py --device cuda:0 --beside cuda:1

Each honest candidate of the acceptance suite is judged on the quiet machine, under load (a busy
process for every core), and on the quiet machine again, by three judges that share nothing. With
`--beside` a judge of the same candidates on another GPU is the load; the two share the machine's
cores as a sweep's judges do. Agreed:
their 95 % intervals of the speedup overlap. Recorded after every round, with all intervals, the
milliseconds of both sides and how many candidates were found to be measured on a busy machine, and
with the spread: root mean square of the logarithm of one round's speedup over the other's, over the
square root of 2, that is the standard deviation of one measurement.
torch is enough to run this.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from kernels_eval import Judge, JudgeConfig, Verdict  # noqa: E402
from kernels_eval.baselines import device_words  # noqa: E402
from kernels_eval.timing.cores import share  # noqa: E402
from tests.kernels_eval.candidate_files import by_problem, collect, problem_text  # noqa: E402

Interval = tuple[float, float]


@contextmanager
def load() -> Iterator[None]:
    """A busy process for every core."""
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


@contextmanager
def neighbour(device: str, choice: Choice) -> Iterator[None]:
    """Another judge at work on another GPU, on the machine's second half."""
    spawn = multiprocessing.get_context("spawn")
    at_work = spawn.Event()
    process = spawn.Process(target=_for_ever, args=(device, choice, at_work))
    process.start()
    try:
        while not at_work.wait(1.0):
            if not process.is_alive():
                raise SystemExit(f"the judge on {device} did not start")
        yield
        if not process.is_alive():
            raise SystemExit(f"the judge on {device} ended early")
    finally:
        process.kill()
        process.join()


def _for_ever(device: str, choice: Choice, at_work: EventType) -> None:
    half = share(1, 2)
    os.sched_setaffinity(0, half.all)
    with Judge(JudgeConfig(device=device, cores=half.timing)) as judge:
        while True:
            for _ in verdicts(judge, choice):
                at_work.set()


@dataclass(frozen=True)
class Choice:
    """Which honest candidates: so many of every n-th problem, on a CPU or a GPU."""

    kind: str
    per_problem: int | None
    every: int


def verdicts(judge: Judge, choice: Choice) -> Iterator[tuple[str, Verdict]]:
    """Candidates and their verdicts. Raises SystemExit if an honest one is not correct."""
    problems = by_problem(collect("honest" if choice.kind == "cpu" else "honest/gpu"))
    for problem, files in list(problems.items())[:: choice.every]:
        sources = [file.source for file in files[: choice.per_problem]]
        for index, verdict in judge.evaluate_many(problem_text(problem), sources):
            if verdict.speedup_ci is None:
                raise SystemExit(f"{files[index].name}: {verdict.status} {verdict.error}")
            yield files[index].name, verdict


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
    parser.add_argument("--beside", help="the load is a judge on this other GPU")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    whole = os.sched_getaffinity(0)
    choice = Choice(given.device.partition(":")[0], given.per_problem, given.every)
    measured: dict[str, dict[str, Verdict]] = {}
    target = given.out / f"agreement-{choice.kind}{'-beside' if given.beside else ''}.json"
    own = share(0, 2) if given.beside else None
    config = JudgeConfig(device=given.device, mode=given.mode, cores=own.timing if own else None)
    busy = functools.partial(neighbour, given.beside, choice) if given.beside else load
    rounds: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "quiet": nullcontext,
        "beside another judge" if given.beside else "loaded": busy,
        "quiet again": nullcontext,
    }
    for name, around in rounds.items():
        started = time.monotonic()
        with around():
            if own is not None:
                os.sched_setaffinity(0, own.all)
            with Judge(config) as judge:
                measured[name] = dict(verdicts(judge, choice))
                timing = judge.cores.timing
        os.sched_setaffinity(0, whole)
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
            "cores": len(whole),
            "mode": given.mode,
            "versions": {"torch": torch.__version__, "python": platform.python_version()},
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        target.write_text(json.dumps(record, indent=2) + "\n")
        took_s = time.monotonic() - started
        print(f"{name}: {len(kernels)} in {took_s:.0f} s, agreed {json.dumps(agreed)}", flush=True)
    for kernel in kernels:
        shown = ("{:.3f}-{:.3f}".format(*interval(measured[name][kernel])) for name in rounds)
        print(f"{kernel:32}", *shown)


if __name__ == "__main__":
    main()
