"""What a training came to: the flow's result and the command's JSON document."""

from __future__ import annotations

from flows.adapt_summary import LearningSummary, drawn, steps_by_status
from flows.train_request import TrainRequest
from storage import Lake
from tasks.frontier.held_out import ArmHeldOut
from tasks.frontier.trained import trained


class TrainedArm(ArmHeldOut):
    """One arm: its checkpoints on held-out problems, and how its steps ended."""

    steps: dict[str, int]
    """By how they ended: done, no_signal, refused, diverged."""


class TrainSummary(LearningSummary):
    """Of `bon train`."""

    held_out: int
    """Problems."""
    arms: dict[str, TrainedArm]


def summarise(lake: Lake, run_id: str, request: TrainRequest, unjudged: int) -> TrainSummary:
    """Compare the run's checkpoints. unjudged: draws that were asked for and have no verdict."""
    counted, steps = drawn(lake, run_id, unjudged), steps_by_status(lake, run_id)
    found = trained(lake, run_id, request.adapt.arms, request.policy, counted["unfinished"])
    return TrainSummary(
        **counted,
        problems=len(request.train_problems()),
        held_out=len(request.held_out()),
        steps=request.rounds().last,
        arms={
            name: TrainedArm(**one.model_dump(), steps=steps.get(name, {}))
            for name, one in found.arms.items()
        },
        guards=found.guards,
        verdict=found.verdict,
    )
