"""What an adaptation came to: the flow's result and the command's JSON document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from flows.adapt_request import AdaptRequest
from flows.summary import RefusedProblem
from storage import Lake
from tasks.frontier.compute import frontier
from tasks.frontier.document import ArmFrontier, GuardAnswer


class ArmSummary(ArmFrontier):
    """One arm: what `bon frontier` says of it, and how its steps ended."""

    steps: dict[str, int]
    """Steps of all units by how they ended: done, no_signal, refused, diverged."""


class LearningSummary(BaseModel):
    """One run that learns, in numbers. `complete` is False if something of ours failed: exit
    status 1."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    lake: str
    problems: int
    """That steps learned from."""
    steps: int
    candidates: int
    unfinished: int
    """Draws without a verdict, but for those of refused problems."""
    refused: list[RefusedProblem]
    guards: dict[str, GuardAnswer]
    verdict: str

    @property
    def complete(self) -> bool:
        return self.unfinished == 0


class AdaptSummary(LearningSummary):
    """Of `bon adapt`."""

    unit: str
    arms: dict[str, ArmSummary]


_DRAWN = "SELECT count(*) AS n FROM candidates WHERE arm IS NOT NULL"

_STEPS = """
    SELECT arm, step_status AS status, count(*) AS n FROM trajectory
    WHERE step_status IS NOT NULL GROUP BY ALL ORDER BY ALL
"""

_REFUSED = "SELECT * FROM refused_problems ORDER BY level, problem_id, suite"


def summarise(lake: Lake, run_id: str, request: AdaptRequest, unjudged: int) -> AdaptSummary:
    """Compare the run's arms. unjudged: draws that were asked for and have no verdict."""
    problems = len(request.selected())
    steps = steps_by_status(lake, run_id)
    compared = frontier(lake, [run_id])
    return AdaptSummary(
        **drawn(lake, run_id, unjudged),
        problems=problems,
        unit=request.adapt.unit,
        steps=request.last_step(problems),
        arms={
            name: ArmSummary(**arm.model_dump(), steps=steps.get(name, {}))
            for name, arm in compared.arms.items()
        },
        guards=compared.guards,
        verdict=compared.verdict,
    )


def steps_by_status(lake: Lake, run_id: str) -> dict[str, dict[str, int]]:
    """Of every trained arm: steps of all its units by how they ended."""
    found: dict[str, dict[str, int]] = {}
    for row in lake.sql(_STEPS, [run_id]).to_pylist():
        found.setdefault(row["arm"], {})[row["status"]] = row["n"]
    return found


def drawn(lake: Lake, run_id: str, unjudged: int) -> dict[str, Any]:
    """Of a summary: which run it is of, how much it drew, and what of it has no verdict."""
    refused = [RefusedProblem(**row) for row in lake.sql(_REFUSED, [run_id]).to_pylist()]
    return {
        "run_id": run_id,
        "lake": str(lake.root),
        "candidates": int(lake.sql(_DRAWN, [run_id])["n"][0].as_py()),
        "unfinished": unjudged - sum(one.draws for one in refused),
        "refused": refused,
    }
