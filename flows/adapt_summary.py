"""What an adaptation came to: the flow's result and the command's JSON document."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from flows.adapt_request import AdaptRequest
from flows.summary import RefusedProblem
from storage import Lake
from tasks.adapt.outcome import Outcome, outcomes
from tasks.adapt.units import BASE_ARM
from tasks.statistics.bootstrap import Estimate

NO_VERDICT = (
    "no verdict: arms are not compared yet (no paired test, no band of the placebo, no check that "
    "the evaluator stood still), so these numbers describe what was drawn and no more"
)


class Interval(BaseModel):
    """A mean over problems with its 95 % interval; null where undefined."""

    model_config = ConfigDict(frozen=True)

    mean: float | None
    low: float | None
    high: float | None


class Boa(BaseModel):
    """Best of Adaptation (tasks.adapt.best_of_adaptation), null where undefined. fresh: by
    draws made for it alone (`--confirm`)."""

    model_config = ConfigDict(frozen=True)

    naive: float | None
    cross_fitted: float | None
    fresh: float | None = None


class ArmSummary(BaseModel):
    """One arm. Rollouts count the base arm's first stage, which every arm begins with."""

    model_config = ConfigDict(frozen=True)

    arm: str
    budget: int
    """Rollouts that the arm was given."""
    rollouts: int
    """Those that it drew: fewer where units ended early. The tail is among them, and what confirms
    is not."""
    fast_1: Interval
    """Share of problems of which some draw is surely faster than the reference."""
    delivered_speedup: Interval
    """Geometric mean over problems of max(1, the fastest correct draw)."""
    boa: Boa
    equivalent_k: None = None
    steps: dict[str, int]
    """Steps of all units by how they ended: done, no_signal, refused, diverged."""
    verdict: str


class AdaptSummary(BaseModel):
    """One run in numbers. `complete` is False if something of ours failed: exit status 1."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    lake: str
    problems: int
    unit: str
    steps: int
    candidates: int
    unfinished: int
    """Draws without a verdict, but for those of refused problems."""
    refused: list[RefusedProblem]
    arms: dict[str, ArmSummary]
    verdict: str

    @property
    def complete(self) -> bool:
        return self.unfinished == 0


_ROLLOUTS = """
    SELECT arm, step, count(*) AS drawn, count(*) FILTER (purpose IS DISTINCT FROM 'confirm') AS n
    FROM candidates WHERE arm IS NOT NULL GROUP BY ALL
"""

_STEPS = """
    SELECT arm, step_status AS status, count(*) AS n FROM trajectory
    WHERE step_status IS NOT NULL GROUP BY ALL ORDER BY ALL
"""

_REFUSED = "SELECT * FROM refused_problems ORDER BY level, problem_id, suite"


def summarise(lake: Lake, run_id: str, request: AdaptRequest, unjudged: int) -> AdaptSummary:
    """Count the run's rows. unjudged: draws that were asked for and have no verdict."""
    problems = len(request.selected())
    last = request.last_step(problems)
    drawn = lake.sql(_ROLLOUTS, [run_id]).to_pylist()
    steps = lake.sql(_STEPS, [run_id]).to_pylist()
    refused = [RefusedProblem(**row) for row in lake.sql(_REFUSED, [run_id]).to_pylist()]
    first = sum(row["n"] for row in drawn if row["arm"] == BASE_ARM and row["step"] == 0)
    budget = request.adapt.paid * problems * (last + 1)

    def arm(found: Outcome) -> ArmSummary:
        own = sum(row["n"] for row in drawn if row["arm"] == found.arm)
        return ArmSummary(
            arm=found.arm,
            budget=budget,
            rollouts=own if found.arm == BASE_ARM else own + first,
            fast_1=_interval(found.fast_1),
            delivered_speedup=_interval(found.delivered_speedup),
            boa=_boa(found),
            steps={row["status"]: row["n"] for row in steps if row["arm"] == found.arm},
            verdict=NO_VERDICT,
        )

    arms = outcomes(lake, run_id, [BASE_ARM, *request.adapt.arms])
    return AdaptSummary(
        run_id=run_id,
        lake=str(lake.root),
        problems=problems,
        unit=request.adapt.unit,
        steps=last,
        candidates=sum(row["drawn"] for row in drawn),
        unfinished=unjudged - sum(one.draws for one in refused),
        refused=refused,
        arms={one.arm: arm(one) for one in arms},
        verdict=NO_VERDICT,
    )


def _boa(found: Outcome) -> Boa:
    best = found.best
    if best is None:
        return Boa(naive=None, cross_fitted=None)
    fresh = None if best.fresh is None else _known(best.fresh)
    return Boa(naive=_known(best.naive), cross_fitted=_known(best.cross_fitted), fresh=fresh)


def _interval(estimate: Estimate) -> Interval:
    return Interval(
        mean=_known(estimate.mean), low=_known(estimate.low), high=_known(estimate.high)
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
