"""What each of several runs measured on the same kernels, as arrays of one column a night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from storage import Lake
from storage.ledger import ProblemKey
from tasks.errors import TooFewNightsError
from tasks.statistics.arrays import Floats


@dataclass(frozen=True)
class Kernel:
    """A source that was judged against one text of a problem."""

    problem: ProblemKey
    problem_hash: str | None
    source_hash: str


@dataclass(frozen=True)
class Nights:
    """Runs on one device, by when they were measured; the last is set against the others.

    runtime: log ms of a kernel, (kernels, nights); NaN where it was not found correct.
    half_width: of its 95 % interval of log speedup; NaN where there is none.
    status: of a kernel in a night; None where it was not judged.
    reference: log ms of a problem's reference, the median of its verdicts, (problems, nights).
    left_out: run → why it is not among the nights.
    """

    runs: list[str]
    device: str
    kernels: list[Kernel]
    runtime: Floats
    half_width: Floats
    status: list[list[str | None]]
    problems: list[ProblemKey]
    reference: Floats
    left_out: dict[str, str]


def nights_of(lake: Lake, runs: Sequence[str]) -> Nights:
    """Raises TooFewNightsError if fewer than two of them were measured on the last one's device."""
    query = files("tasks.drift").joinpath("nights.sql").read_text(encoding="utf-8")
    rows = lake.sql(query, list(dict.fromkeys(runs))).to_pylist()
    by_run: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_run.setdefault(row["run_id"], []).append(row)
    left_out = {run: "it holds no verdict" for run in runs if run not in by_run}
    ordered = sorted(by_run, key=lambda run: by_run[run][0]["evaluated_at"])
    if not ordered:
        raise TooFewNightsError(
            f"no verdicts in {', '.join(runs)}; `bon runs` lists what was judged"
        )
    last = measured_on(by_run[ordered[-1]])
    for run in ordered[:-1]:
        if (own := measured_on(by_run[run])) != last:
            left_out[run] = f"it was measured on {own}, not on {last}"
    kept = [run for run in ordered if run not in left_out]
    if len(kept) < 2:
        others = "; ".join(f"{run}: {why}" for run, why in left_out.items())
        said = f" ({others})" if others else ""
        raise TooFewNightsError(
            f"two runs measured on one device are the least to compare, here is one{said}; "
            "name more, the earlier nights among them"
        )
    return _arrays(kept, {run: by_run[run] for run in kept}, last, left_out)


def measured_on(rows: Sequence[dict[str, Any]]) -> str:
    """Device and model of the machine that most verdicts come from."""
    common = Counter((row["device"], row["machine"]) for row in rows).most_common(1)
    return " on ".join(part for part in common[0][0] if part) or "an unknown device"


def _arrays(
    runs: list[str], rows: dict[str, list[dict[str, Any]]], device: str, left_out: dict[str, str]
) -> Nights:
    kernels: dict[Kernel, int] = {}
    problems: dict[ProblemKey, int] = {}
    for run in runs:
        for row in rows[run]:
            kernels.setdefault(kernel_of(row), len(kernels))
            problems.setdefault(kernel_of(row).problem, len(problems))
    shape = (len(kernels), len(runs))
    runtime, half_width = np.full(shape, np.nan), np.full(shape, np.nan)
    status: list[list[str | None]] = [[None] * len(runs) for _ in kernels]
    references: list[list[list[float]]] = [[[] for _ in runs] for _ in problems]
    for night, run in enumerate(runs):
        for row in rows[run]:
            at = kernels[kernel_of(row)]
            status[at][night] = row["status"]
            if row["status"] == "correct" and row["runtime_ms"]:
                runtime[at, night] = np.log(row["runtime_ms"])
                if row["speedup_low"] and row["speedup_high"]:
                    half_width[at, night] = np.log(row["speedup_high"] / row["speedup_low"]) / 2
            if row["reference_ms"]:
                problem = problems[kernel_of(row).problem]
                references[problem][night].append(float(np.log(row["reference_ms"])))
    reference = np.array(
        [[float(np.median(one)) if one else np.nan for one in own] for own in references]
    ).reshape(len(problems), len(runs))
    return Nights(
        runs,
        device,
        list(kernels),
        runtime,
        half_width,
        status,
        list(problems),
        reference,
        left_out,
    )


def kernel_of(row: dict[str, Any]) -> Kernel:
    problem = (row["suite"], row["level"], row["problem_id"])
    return Kernel(problem, row["problem_hash"], row["source_hash"])
