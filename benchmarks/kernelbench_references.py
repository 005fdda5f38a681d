"""Are KernelBench's own references `correct` as candidates, and as fast as themselves?

    python benchmarks/kernelbench_references.py CHECKOUT --part level=1,split=eval42 --device cuda:0

Each problem's `Model`, renamed `ModelNew`, is judged as if a language model had written it. It must
be `correct`, and the interval of its speedup must hold 1. torch is enough to run this; the record
is rewritten after every problem. Exit status: 0 all passed, 1 some did not.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from benchmarks.gpu_acceptance import versions  # noqa: E402
from kernels_eval import Judge, JudgeConfig, ProblemError  # noqa: E402
from kernels_eval.baselines import device_words  # noqa: E402
from tasks.problems import Problem, load_suite  # noqa: E402


def judged(judge: Judge, problem: Problem) -> dict[str, Any]:
    """One reference as its own candidate."""
    started = time.monotonic()
    candidate = re.sub(r"\bModel\b", "ModelNew", problem.source)
    found: dict[str, Any] = {"id": problem.problem_id, "name": problem.name}
    try:
        ((_, verdict),) = judge.evaluate_many(problem.source, [candidate])
    except ProblemError as error:
        return found | {"passed": False, "status": "refused", "error": str(error)}
    low, high = verdict.speedup_ci or (0.0, 0.0)
    return found | {
        "passed": verdict.correct and low <= 1.0 <= high,
        "status": verdict.status.value,
        "speedup": verdict.speedup,
        "interval": verdict.speedup_ci,
        "reference_ms": verdict.reference_ms,
        "error_ratio": verdict.error_ratio,
        "error": verdict.error,
        "seconds": round(time.monotonic() - started, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout")
    parser.add_argument("--part", default="level=1,split=eval42", help="as behind a suite's #")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--mode", default="fast")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    suite = load_suite(f"kernelbench:{given.checkout}#{given.part}")
    config = JudgeConfig(device=given.device, mode=given.mode, timeout_s=120)
    found: list[dict[str, Any]] = []
    with Judge(config) as judge:
        for problem in suite.problems:
            faulthandler.dump_traceback_later(240, exit=True)
            found.append(judged(judge, problem))
            print(json.dumps(found[-1]), flush=True)
            document = {
                "question": "KernelBench's references as candidates: correct, and 1.0 covered?",
                "part": given.part,
                "mode": given.mode,
                "device": device_words(torch.device(given.device), judge.cores.timing),
                "versions": versions(),
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
                "problems": len(suite.problems),
                "passed": sum(one["passed"] for one in found),
                "verdicts": found,
            }
            target = given.out / "kernelbench_references.json"
            target.write_text(json.dumps(document, indent=2) + "\n")
    faulthandler.cancel_dump_traceback_later()
    return 0 if all(one["passed"] for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
