"""Is the judge's interval right while the machine is busy? Eighteen kernels of known speed.

    python benchmarks/known_factors.py [--repeats 5] [--quiet] [--out benchmarks/records]

Each problem repeats an operator `TIMES` times; a candidate repeats it as often as its factor says,
so that its speedup is known: six operators at half, five quarters and three times the speed. All
are judged with a busy process on every core (`--quiet`: without). Recorded: how many intervals hold
the true factor, and how wide they are (log of the upper end over the lower). Inputs are small and
repeats many, so that what a call costs once (its launch, inputs that no cache has yet) is about a
hundredth of the shortest. torch is enough to run this.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from agreement import load  # noqa: E402 - from this folder

from kernels_eval import Judge, JudgeConfig  # noqa: E402
from kernels_eval.config import HARNESS_VERSION  # noqa: E402

RECORDS = HERE / "records"
TIMES = 60
FACTORS = {"half": 120, "five quarters": 48, "three times": 20}
"""Name → how often the candidate repeats the operator; its speedup is TIMES / that."""
OPERATORS = {
    "elementwise": ("torch.tanh(x)", "torch.randn(64, 512)"),
    "softmax": ("torch.softmax(x, 1)", "torch.randn(64, 512)"),
    "product": ("x @ x", "torch.randn(128, 128)"),
    "running sum": ("torch.cumsum(x, 1)", "torch.randn(64, 512)"),
    "order": ("torch.sort(x, 1).values", "torch.randn(16, 512)"),
    "copy": ("x.t().contiguous()", "torch.randn(192, 192)"),
}
_SOURCE = """
import torch
from torch import nn


class {name}(nn.Module):
    def forward(self, x):
        for _ in range({times}):
            out = {operator}
        return out


def get_inputs():
    return [{inputs}]


def get_init_inputs():
    return []
"""


def measured(repeats: int) -> Iterator[dict[str, Any]]:
    """A row for each verdict. Raises SystemExit if one is not correct."""
    with Judge(JudgeConfig()) as judge:
        for turn in range(repeats):
            for name, (operator, inputs) in OPERATORS.items():

                def source(
                    times: int, model: str, named: tuple[str, str] = (operator, inputs)
                ) -> str:
                    return _SOURCE.format(
                        name=model, times=times, operator=named[0], inputs=named[1]
                    )

                candidates = [source(times, "ModelNew") for times in FACTORS.values()]
                for index, verdict in judge.evaluate_many(source(TIMES, "Model"), candidates):
                    if verdict.speedup_ci is None:
                        raise SystemExit(f"{name}: {verdict.status} {verdict.error}")
                    factor, times = list(FACTORS.items())[index]
                    low, high = verdict.speedup_ci
                    yield {
                        "operator": name,
                        "factor": factor,
                        "turn": turn,
                        "true": TIMES / times,
                        "speedup": verdict.speedup,
                        "low": low,
                        "high": high,
                        "inside": low <= TIMES / times <= high,
                        "width": math.log(high / low),
                        "seconds": verdict.seconds.wall,
                        "findings": [finding.rule for finding in verdict.findings],
                    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quiet", action="store_true", help="nothing runs beside")
    parser.add_argument("--out", type=Path, default=RECORDS)
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    began = time.monotonic()
    with nullcontext() if given.quiet else load():
        rows = []
        for row in measured(given.repeats):
            rows.append(row)
            print(
                f"{row['operator']:12} {row['factor']:14} {row['low']:.3f} {row['true']:.3f} "
                f"{row['high']:.3f} {'' if row['inside'] else 'OUTSIDE'}",
                flush=True,
            )
    record = {
        "question": "are known factors in the judge's interval, a busy process on every core?",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "harness": HARNESS_VERSION,
        "busy": 0 if given.quiet else cores,
        "cores": cores,
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "verdicts": len(rows),
        "inside": sum(row["inside"] for row in rows),
        "median_width": round(statistics.median(row["width"] for row in rows), 4),
        "seconds": round(time.monotonic() - began, 1),
        "rows": rows,
    }
    target = given.out / f"known_factors{'-quiet' if given.quiet else ''}.json"
    target.write_text(json.dumps(record, indent=1) + "\n")
    print(
        f"{record['inside']} of {record['verdicts']} inside, median width {record['median_width']}"
    )


if __name__ == "__main__":
    main()
