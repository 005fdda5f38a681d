"""What an arm's draws came to. Descriptive: no arm is compared with another here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.best_of_adaptation import BestOfAdaptation, best_of_adaptation
from tasks.adapt.units import BASE_ARM
from tasks.statistics.bootstrap import Estimate, bootstrap_mean
from tasks.statistics.rate import rate_interval

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """One arm: of all that it drew, the base arm's first stage included.

    fast_1: share of problems of which some draw is fast_1. delivered_speedup: geometric mean over
        problems of the fastest correct draw's speedup, 1 where none is faster than the reference,
        which can always be kept. best: of its checkpoints, by their own draws; None where a problem
        has fewer than two draws with a verdict at some step.
    """

    arm: str
    fast_1: Estimate
    delivered_speedup: Estimate
    best: BestOfAdaptation | None


def outcomes(lake: Lake, run_id: str, arms: Sequence[str]) -> list[Outcome]:
    """One per arm, in order. arms: the base arm among them."""
    query = files("tasks.adapt").joinpath("outcome.sql").read_text(encoding="utf-8")
    rows = lake.sql(query, [run_id]).to_pylist()
    shared = [row for row in rows if row["arm"] == BASE_ARM and row["step"] == 0]
    return [
        outcome(arm, [row for row in rows if row["arm"] == arm] + shared * (arm != BASE_ARM))
        for arm in arms
    ]


def outcome(arm: str, rows: Sequence[Row]) -> Outcome:
    """Of rows as `outcome.sql` gives them. Draws that confirm count for the best checkpoint's fresh
    rate and for nothing else."""
    problems = _by_problem([row for row in rows if row["purpose"] != "confirm"])
    fresh = _by_problem([row for row in rows if row["purpose"] == "confirm"])
    hits = np.array([[float(any(row["fast_1"] for row in own))] for own in problems])
    gains = np.array([[np.log(_delivered(own))] for own in problems])
    if not problems:
        hits, gains = np.empty((0, 1)), np.empty((0, 1))
    return Outcome(
        arm,
        Estimate(*rate_interval(hits)[:, 0].tolist()),
        Estimate(*np.exp(bootstrap_mean(gains)[:, 0]).tolist()),
        _best(problems, fresh),
    )


def _by_problem(rows: Sequence[Row]) -> list[list[Row]]:
    found: dict[ProblemKey, list[Row]] = {}
    for row in sorted(rows, key=lambda one: (one["step"], one["sample_index"])):
        found.setdefault((row["suite"], row["level"], row["problem_id"]), []).append(row)
    return list(found.values())


def _delivered(rows: Sequence[Row]) -> float:
    return max([1.0, *(float(row["speedup"]) for row in rows if row["speedup"] is not None)])


def _best(
    problems: Sequence[Sequence[Row]], fresh: Sequence[Sequence[Row]]
) -> BestOfAdaptation | None:
    """Over the steps at which every problem has draws: as many of each, the first by their numbers,
    as the one with the fewest has. fresh: draws that confirm; all of the chosen step's count."""
    if not problems:
        return None
    steps = sorted(set.intersection(*({row["step"] for row in own} for own in problems)))
    hits = [
        [[row["fast_1"] for row in own if row["step"] == step] for own in problems]
        for step in steps
    ]
    draws = min((len(own) for of_step in hits for own in of_step), default=0)
    if draws < 2:
        return None
    best = best_of_adaptation(np.array([[own[:draws] for own in of_step] for of_step in hits]))
    of_chosen = [
        [row["fast_1"] for row in own if row["step"] == steps[best.chosen]] for own in fresh
    ]
    if len(of_chosen) < len(problems) or not all(of_chosen):
        return best
    return replace(best, fresh=float(np.mean([np.mean(own) for own in of_chosen])))
