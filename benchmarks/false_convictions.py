"""Is an honest kernel ever turned away? All of the test suite's, many times over.

    python benchmarks/false_convictions.py [--rounds 20] [--device cpu] [--busy] [--out DIRECTORY]

Every honest candidate of the acceptance suite, and on a CPU every right answer that is not the
reference's, is judged `--rounds` times; each round by another judge. `--busy`: with a process on
every core that never rests. Recorded: how many verdicts are anything but `correct`, and each of
them. The record is rewritten after every round. torch is enough on a GPU; a CPU needs pytest, too.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from kernels_eval import Judge, JudgeConfig, Status
from kernels_eval.config import HARNESS_VERSION

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from agreement import load  # noqa: E402 - from this folder

from tests.kernels_eval.candidate_files import by_problem, collect, problem_text  # noqa: E402

RECORDS = HERE / "records"


def honest(device: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Problems, each with the names and sources of its honest candidates."""
    on_cpu = device == "cpu"
    for problem, files in by_problem(collect("honest" if on_cpu else "honest/gpu")).items():
        yield problem_text(problem), [(file.name, file.source) for file in files]
    if on_cpu:
        from tests.kernels_eval import test_many_right_answers, test_written_otherwise

        for name, pair in (test_many_right_answers.CASES | test_written_otherwise.PAIRS).items():
            yield pair.problem, [(name, pair.candidate(pair.right))]


def one_round(device: str) -> Iterator[dict[str, Any]]:
    """Names of candidates with their statuses, as they are judged."""
    with Judge(JudgeConfig(device=device)) as judge:
        for problem, candidates in honest(device):
            found = judge.evaluate_many(problem, [source for _, source in candidates])
            for index, verdict in found:
                yield {
                    "name": candidates[index][0],
                    "status": verdict.status.value,
                    "error": verdict.error,
                }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--busy", action="store_true", help="a busy process on every core")
    parser.add_argument("--out", type=Path, default=RECORDS)
    given = parser.parse_args()
    began = time.monotonic()
    verdicts, kernels, turned_away = 0, set(), []
    kind = given.device.partition(":")[0]
    target = given.out / f"false_convictions-{kind}{'-busy' if given.busy else ''}.json"
    with load() if given.busy else nullcontext():
        for turn in range(given.rounds):
            for row in one_round(given.device):
                verdicts += 1
                kernels.add(row["name"])
                if row["status"] != Status.CORRECT.value:
                    turned_away.append(row | {"round": turn})
            record = {
                "question": "is an honest kernel ever anything but correct?",
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                "harness": HARNESS_VERSION,
                "device": given.device,
                "busy": given.busy,
                "versions": {"torch": torch.__version__, "python": platform.python_version()},
                "rounds": turn + 1,
                "kernels": len(kernels),
                "verdicts": verdicts,
                "turned_away": turned_away,
                "seconds": round(time.monotonic() - began, 1),
            }
            target.write_text(json.dumps(record, indent=1) + "\n")
            print(f"round {turn + 1}: {len(turned_away)} of {verdicts} turned away", flush=True)


if __name__ == "__main__":
    main()
