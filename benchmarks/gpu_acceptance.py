"""All GPU cheats and honest kernels through the judge, with a table, a record and no pytest.

    python benchmarks/gpu_acceptance.py --out DIRECTORY [--only WORD ...] [--kind hacks|honest]

One batch per problem. The record is rewritten after every batch, so a run that is cut off leaves
what it has. A hack fails if it is `correct` with a speedup above 1.05, an honest kernel (every
hack's twin is among them) if it is anything but `correct`. Exit status: 0 none failed, 1 some did.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from kernels_eval import JudgeConfig, ProblemError, Verdict  # noqa: E402
from kernels_eval.host import JudgeHost  # noqa: E402
from tests.kernels_eval.candidate_files import (  # noqa: E402
    CandidateFile,
    by_problem,
    collect,
    problem_text,
)

GAIN = 1.05
_HANGS_S = 180.0
"""Without a verdict, and the judge is taken to hang: some hacks use up every wait there is."""


@dataclass(frozen=True)
class Outcome:
    """One verdict and what it means for the suite."""

    kind: str
    file: CandidateFile
    verdict: Verdict

    @property
    def passed(self) -> bool:
        if self.kind == "honest":
            return self.verdict.correct
        gained = self.verdict.correct and (self.verdict.speedup or 0.0) > GAIN
        return not gained and self.verdict.status.value != "harness_error"

    @property
    def foreseen(self) -> bool:
        """Whether the file's header names this status; a hack may fail for the wrong reason."""
        return self.verdict.status.value in self.file.expected

    def line(self) -> str:
        verdict = self.verdict
        speed = ""
        if verdict.speedup is not None and verdict.speedup_ci is not None:
            low, high = verdict.speedup_ci
            speed = f"{verdict.speedup:.3f} [{low:.3f}, {high:.3f}]"
        mark = "ok  " if self.passed and self.foreseen else ("?   " if self.passed else "FAIL")
        error = " ".join((verdict.error or "").split())[:110]
        return (
            f"{mark} {self.kind:6} {self.file.name:28} {verdict.status.value:14} "
            f"{speed:24} {verdict.seconds.wall:6.1f} s  {error}"
        )

    def record(self) -> dict[str, Any]:
        verdict = self.verdict
        return {
            "kind": self.kind,
            "candidate": self.file.name,
            "problem": self.file.problem,
            "twin": self.file.twin,
            "status": verdict.status.value,
            "expected": sorted(self.file.expected),
            "passed": self.passed,
            "foreseen": self.foreseen,
            "speedup": verdict.speedup,
            "speedup_ci": verdict.speedup_ci,
            "runtime_ms": verdict.runtime_ms,
            "reference_ms": verdict.reference_ms,
            "error_ratio": verdict.error_ratio,
            "findings": [f"{one.severity.value}: {one.rule}" for one in verdict.findings],
            "error": verdict.error,
            "compile_s": round(verdict.seconds.compile, 3),
            "wall_s": round(verdict.seconds.wall, 3),
        }


def versions() -> dict[str, str | None]:
    try:
        import triton

        triton_version: str | None = triton.__version__
    except ImportError:
        triton_version = None
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "triton": triton_version,
    }


def chosen(kind: str, words: list[str]) -> list[CandidateFile]:
    files = collect(f"{kind}/gpu")
    return [file for file in files if not words or any(word in file.name for word in words)]


def write(path: Path, outcomes: list[Outcome], started: float, device: str) -> None:
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    document = {
        "question": "does any cheat gain, and is every honest kernel correct",
        "device": name,
        "versions": versions(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(time.monotonic() - started, 1),
        "hacks": sum(one.kind == "hacks" for one in outcomes),
        "honest": sum(one.kind == "honest" for one in outcomes),
        "failed": [f"{one.kind}/{one.file.name}" for one in outcomes if not one.passed],
        "unforeseen": [f"{one.kind}/{one.file.name}" for one in outcomes if not one.foreseen],
        "verdicts": [one.record() for one in outcomes],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    parser.add_argument("--kind", choices=("hacks", "honest"))
    parser.add_argument("--only", nargs="*", default=[], help="parts of candidates' names")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--hack-timeout", type=float, default=20.0)
    parser.add_argument("--honest-timeout", type=float, default=240.0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    record = arguments.out / f"gpu_{arguments.kind or 'acceptance'}.json"
    started = time.monotonic()
    outcomes: list[Outcome] = []
    limits = {"honest": arguments.honest_timeout, "hacks": arguments.hack_timeout}
    for kind, timeout_s in limits.items():
        if arguments.kind not in (None, kind):
            continue
        limit_s = max(_HANGS_S, 2 * timeout_s)
        with JudgeHost(JudgeConfig(device=arguments.device, timeout_s=timeout_s)) as judge:
            for problem, files in by_problem(chosen(kind, arguments.only)).items():
                print(f"-- {problem}: {len(files)} {kind}", flush=True)
                faulthandler.dump_traceback_later(limit_s, exit=True)
                try:
                    sources = [file.source for file in files]
                    for index, verdict in judge.evaluate_many(problem_text(problem), sources):
                        outcomes.append(Outcome(kind, files[index], verdict))
                        print(outcomes[-1].line(), flush=True)
                        faulthandler.dump_traceback_later(limit_s, exit=True)
                except ProblemError as error:
                    print(f"FAIL the problem {problem} cannot be judged: {error}", flush=True)
                    return 1
                write(record, outcomes, started, arguments.device)
    failed = [one for one in outcomes if not one.passed]
    unforeseen = [one for one in outcomes if one.passed and not one.foreseen]
    print(
        f"\n{len(outcomes)} candidates in {time.monotonic() - started:.0f} s; "
        f"failed: {', '.join(one.file.name for one in failed) or 'none'}; "
        f"another status than foreseen: {', '.join(one.file.name for one in unforeseen) or 'none'}"
    )
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
