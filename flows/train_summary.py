"""What a training came to: the flow's result and the command's JSON document."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from flows.adapt_summary import refused_problems, steps_by_status
from flows.summary import RefusedProblem
from flows.train_request import TrainRequest
from storage import Lake
from tasks.frontier.document import GuardAnswer
from tasks.frontier.held_out import ArmHeldOut
from tasks.frontier.trained import trained


class TrainedArm(ArmHeldOut):
    """One arm: its checkpoints on held-out problems, and how its steps ended."""

    steps: dict[str, int]
    """By how they ended: done, no_signal, refused, diverged."""


class TrainSummary(BaseModel):
    """One run in numbers. `complete` is False if something of ours failed: exit status 1."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    lake: str
    problems: int
    """That steps learned from."""
    held_out: int
    steps: int
    candidates: int
    unfinished: int
    """Draws without a verdict, but for those of refused problems."""
    refused: list[RefusedProblem]
    arms: dict[str, TrainedArm]
    guards: dict[str, GuardAnswer]
    verdict: str

    @property
    def complete(self) -> bool:
        return self.unfinished == 0


_DRAWN = "SELECT count(*) AS n FROM candidates WHERE arm IS NOT NULL"


def summarise(lake: Lake, run_id: str, request: TrainRequest, unjudged: int) -> TrainSummary:
    """Compare the run's checkpoints. unjudged: draws that were asked for and have no verdict."""
    refused = refused_problems(lake, run_id)
    steps = steps_by_status(lake, run_id)
    unfinished = unjudged - sum(one.draws for one in refused)
    found = trained(lake, run_id, request.adapt.arms, request.policy, unfinished)
    return TrainSummary(
        run_id=run_id,
        lake=str(lake.root),
        problems=len(request.train_problems()),
        held_out=len(request.held_out()),
        steps=request.rounds().last,
        candidates=int(lake.sql(_DRAWN, [run_id])["n"][0].as_py()),
        unfinished=unfinished,
        refused=refused,
        arms={
            name: TrainedArm(**one.model_dump(), steps=steps.get(name, {}))
            for name, one in found.arms.items()
        },
        guards=found.guards,
        verdict=found.verdict,
    )
