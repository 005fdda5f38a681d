"""Anchors: kernels of the first stage that every later round measures anew, to see whether the
evaluator stands still while arms are compared over hours.

They are taken by the run's seed from the correct ones, whatever their speed, so that the second
measurement of one is as likely above its first as below. They pass through the rounds' queues among
the draws, and what comes out stands in a table of its own: it is no verdict on any draw.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from storage import Lake
from storage.ledger import DrawKey, ProblemKey
from tasks.adapt.numbering import anchor_number
from tasks.evaluate.pool import Judged
from tasks.evaluate.rows import verdict_rows
from tasks.evaluate.step import Again
from tasks.plan import Shard
from tasks.problems import Problem
from tasks.sweep import Sweep

SHARE = 0.05
"""Of the first stage's sources."""

LEAST = 4
"""In a run, if so many are correct: of two, one measured on a disturbed machine would be half."""


@dataclass(frozen=True)
class Anchor:
    """A source of the base arm's first stage, by its first draw, and the first verdict on it."""

    problem: ProblemKey
    sample_index: int
    source_hash: str
    source: str
    evaluation_id: str


@dataclass(frozen=True)
class AnchorShift:
    """How far an anchor's measurement in a round lies from the first one.

    log_ratio: log of its speedup over that of the first verdict; None where it was not found
        correct. half_width: of the interval of log speedup in the round, first_half_width: of the
        first verdict; None where the protocol gives no interval.
    """

    round: int
    problem: ProblemKey
    sample_index: int
    status: str
    log_ratio: float | None
    half_width: float | None
    first_half_width: float | None


def anchors_of(lake: Lake, run_id: str, seed: int) -> list[Anchor]:
    """Those of a run: 5 % of the first stage's sources, at least 4, of the correct ones.

    Read once the first stage has its verdicts; the same whenever they are. seed: the run's.
    """
    rows = _first_stage(lake, run_id)
    wanted = max(LEAST, math.ceil(SHARE * len(rows)))
    usable = sorted((row for row in rows if row["usable"]), key=lambda row: _rank(seed, row))
    return [
        Anchor(
            (row["suite"], row["level"], row["problem_id"]),
            row["sample_index"],
            row["source_hash"],
            row["source"],
            row["evaluation_id"],
        )
        for row in usable[:wanted]
    ]


def _rank(seed: int, row: Mapping[str, Any]) -> str:
    place = (row["suite"], row["level"], row["problem_id"], row["source_hash"])
    return hashlib.sha256(repr((seed, *place)).encode()).hexdigest()


def anchor_shards(
    anchors: Sequence[Anchor], problems: Sequence[Problem], round_: int
) -> list[Shard]:
    """As a part of a round's queue."""
    return [
        Shard(problem, tuple(anchor_number(round_, one.sample_index) for one in own))
        for problem in problems
        if (own := [one for one in anchors if one.problem == problem.key])
    ]


def measured(lake: Lake, run_id: str, round_: int) -> set[DrawKey]:
    """Anchors that were measured in a round, by their numbers in its queue."""
    query = "SELECT * FROM anchors WHERE round = $round AND status <> 'harness_error'"
    return {
        (
            *(row["suite"], row["level"], row["problem_id"]),
            anchor_number(round_, row["sample_index"]),
        )
        for row in lake.sql(query, [run_id], {"round": round_}).to_pylist()
    }


def to_measure(
    sweep: Sweep, anchors: Sequence[Anchor], problem: Problem, round_: int
) -> dict[int, Again]:
    """What is measured for a problem's anchors in a round, by their numbers in its queue."""

    def keeping(anchor: Anchor) -> Again:
        return Again(anchor.source, lambda found: _keep(sweep, problem, anchor, round_, found))

    return {
        anchor_number(round_, one.sample_index): keeping(one)
        for one in anchors
        if one.problem == problem.key
    }


_COLUMNS = (
    *("suite", "level", "problem_id", "source_hash", "harness_id", "machine", "device"),
    *("status", "speedup", "speedup_low", "speedup_high", "runtime_ms", "reference_ms"),
    *("trials", "compile_seconds", "draw_seconds", "check_seconds", "time_seconds"),
    "wall_seconds",
)


def _keep(sweep: Sweep, problem: Problem, anchor: Anchor, round_: int, found: Judged) -> None:
    verdict, _ = verdict_rows(problem, anchor.source_hash, found.verdict, found.place)
    row = {name: verdict[name] for name in _COLUMNS} | {
        "round": round_,
        "sample_index": anchor.sample_index,
        "first_evaluation_id": anchor.evaluation_id,
        "timeout_s": sweep.judges.timeout_s,
        "evaluated_at": datetime.now(UTC),
    }
    sweep.lake.append("anchors", [row], run_id=sweep.run_id)
    sweep.progress.advance("anchors")


def anchor_shifts(lake: Lake, run_id: str) -> list[AnchorShift]:
    """Of every anchor in every round where it was measured; rounds in order.

    A failure of the judge itself is no measurement. Empty for runs without anchors.
    """
    first = {
        (row["suite"], row["level"], row["problem_id"], row["source_hash"]): row
        for row in _first_stage(lake, run_id)
    }
    found = []
    for row in lake.sql(_SHIFTS, [run_id]).to_pylist():
        problem = (row["suite"], row["level"], row["problem_id"])
        before = first[(*problem, row["source_hash"])]
        known = row["status"] == "correct" and row["speedup"] is not None
        found.append(
            AnchorShift(
                row["round"],
                problem,
                row["sample_index"],
                row["status"],
                math.log(row["speedup"] / before["speedup"]) if known else None,
                _half_width(row) if known else None,
                _half_width(before),
            )
        )
    return found


_SHIFTS = """
    SELECT * FROM anchors
    WHERE status <> 'harness_error'
    QUALIFY row_number() OVER (
        PARTITION BY suite, level, problem_id, sample_index, round ORDER BY sequence
    ) = 1
    ORDER BY round, suite, level, problem_id, sample_index
"""


def _half_width(row: Mapping[str, Any]) -> float | None:
    low, high = row["speedup_low"], row["speedup_high"]
    return (math.log(high) - math.log(low)) / 2 if low and high else None


def _first_stage(lake: Lake, run_id: str) -> list[dict[str, Any]]:
    query = files("tasks.adapt").joinpath("anchors.sql").read_text(encoding="utf-8")
    return lake.sql(query, [run_id]).to_pylist()
