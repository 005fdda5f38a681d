"""What a budget of rollouts costs an arm, were it alone, in every kind of thing that is spent."""

from __future__ import annotations

import numpy as np

from storage.ledger import ProblemKey
from tasks.adapt.units import BASE_ARM
from tasks.frontier.curves import paid, partly
from tasks.frontier.flops import flops
from tasks.frontier.stages import KINDS, NO_DRAWS, Run, Stage, Track
from tasks.statistics.arrays import Floats, Ints, log_avoids

_READ = ("prompt_tokens", "completion_tokens", "prefill_tokens", "teacher_tokens")

Costs = dict[str, Floats]
"""By kind (`KINDS`), shape (budgets,), over all problems."""


def arm_costs(run: Run, arm: str, problems: list[ProblemKey], budgets: Ints) -> Costs:
    """Expected over all ways to have drawn so much less.

    A source is judged once within the arm, whatever other arms drew it: so arms pay for the shared
    first stage each, and together for more than was spent. A step is paid for as soon as one draw
    is made after it.
    """
    found: Costs = {kind: np.zeros(len(budgets)) for kind in KINDS}
    for problem in problems:
        _draws(found, run.arms[arm][problem], run.group, budgets, arm == BASE_ARM)
    learning = run.learning.get(arm, ())
    for step, cost in enumerate(learning):
        after = budgets > run.group * (step + 1)
        for kind in ("prefill_tokens", "teacher_tokens", "trained_tokens"):
            found[kind] += after * cost.get(kind, 0.0)
        found["seconds"] += after * cost.get("train_seconds", 0.0)
        found["gpu_seconds"] += after * cost.get("train_gpu_seconds", 0.0)
        share = np.clip((budgets - run.group * step) / run.group, 0, 1)
        found["gpu_seconds"] += share * cost.get("sample_gpu_seconds", 0.0)
    if arm != BASE_ARM and (shared := run.learning.get(BASE_ARM)):
        share = np.clip(budgets / run.group, 0, 1)
        found["gpu_seconds"] += share * shared[0].get("sample_gpu_seconds", 0.0)
    read = sum((found[kind] for kind in _READ), np.zeros(len(budgets)))
    found["flops"] = np.full(len(budgets), np.nan)
    if run.parameters is not None:
        found["flops"] = flops(run.parameters, read, found["trained_tokens"])
    return found


def _draws(found: Costs, track: Track, group: int, budgets: Ints, pooled: bool) -> None:
    share = paid(track, group, budgets) / np.maximum(track.sizes, 1)
    if pooled:
        # Any of them could have come first, so that each costs as much as the mean of all.
        part = np.minimum(budgets / max(track.draws, 1), 1.0)
        share = np.repeat(part[:, None], len(track.sizes), axis=1)
    found["rollouts"] += share @ track.sizes
    found["prompt_tokens"] += share @ [one.prompt_tokens for one in track.stages]
    found["completion_tokens"] += share @ [one.completion_tokens for one in track.stages]
    found["seconds"] += share @ [one.sample_seconds for one in track.stages]
    judging = _judging_pooled(track, budgets) if pooled else _judging(track, group, budgets)
    evaluations, seconds, gpu = judging.T
    found["evaluations"] += evaluations
    found["judge_seconds"] += seconds
    found["seconds"] += seconds
    found["gpu_seconds"] += gpu


def _judging_pooled(track: Track, budgets: Ints) -> Floats:
    """What judging the sources among so many of all draws costs; (budgets, 3)."""
    counts = sum((_counts(track, stage) for stage in track.stages), _counts(track, NO_DRAWS))
    return _drawn(track.draws, counts, np.minimum(budgets, track.draws)) @ track.judging


def _judging(track: Track, group: int, budgets: Ints) -> Floats:
    """The same, stage by stage: a source of an earlier stage is judged already."""
    found = np.zeros((len(budgets), 3))
    seen = np.zeros(len(track.judging), np.bool_)
    for stage, inside, m in partly(track, group, budgets):
        counts = np.where(seen, 0, _counts(track, stage))
        fresh = np.flatnonzero(counts)
        found[inside] = track.judging[seen].sum(axis=0)
        if len(fresh):
            found[inside] += _drawn(len(stage), counts[fresh], m) @ track.judging[fresh]
        seen |= counts > 0
    return found


def _counts(track: Track, stage: Stage) -> Ints:
    """Draws of each source; (sources,)."""
    return np.bincount(stage.source, minlength=len(track.judging)).astype(np.int64)


def _drawn(n: int, counts: Ints, budgets: Ints) -> Floats:
    """P(a source is among so many of n draws), shape (budgets, sources)."""
    draws, own, k = np.broadcast_arrays(n, counts[None, :], budgets[:, None])
    return np.asarray(0.0 - np.expm1(log_avoids(draws, own, k)), np.float64)
