"""Rounds of draws, verdicts and steps: what `bon-adapt` and `bon-train` are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.futures import wait
from prefect.utilities.annotations import opaque

from flows.errors import UnavailableError
from storage import ledger
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.anchors import anchor_shards, anchors_of, measured, to_measure
from tasks.adapt.order import shuffled
from tasks.adapt.spent import is_over, write_spent
from tasks.adapt.train import settle, study, train
from tasks.adapt.units import BASE_ARM, Unit
from tasks.evaluate.step import evaluate
from tasks.plan import Shard
from tasks.sample.step import sample


def run_rounds(work: Adaptation) -> None:
    """All rounds of the run that are not done yet."""
    for step in range(work.rounds.last + 1):
        _judge(work, step, _draw(work, step))
        if step < work.rounds.last:
            _learn(work, step + 1)


def _draw(work: Adaptation, step: int) -> list[Shard]:
    """All draws of a round, arm after arm: the model wears one adapter at a time."""
    found: list[Shard] = []
    made, sampled = work.made(), ledger.sampled(work.lake, work.run_id)
    for one in work.drawings(step):
        found += one.shards
        left = [rest for rest in (shard.less(sampled) for shard in one.shards) if rest]
        if not left:
            continue
        unit = one.unit
        standing = made.at(unit, step) if unit else None
        draws = work.base(step, one.purpose)
        if unit and standing:
            draws = work.drawing(unit, step, standing, one.purpose)
        stage = "sample" if one.purpose == "round" else f"sample {one.purpose}"
        named = sample.with_options(task_run_name=_name(stage, unit.label if unit else None, step))
        futures = [named.submit(opaque(draws), shard, return_state=False) for shard in left]
        for future in futures:
            future.result()
        if one.purpose == "round" and work.turns.in_turns and step < work.rounds.last:
            for problem in dict.fromkeys(shard.problem for shard in one.shards):
                work.prompt(problem)  # while the policy is there: the next step wants it
    return found


def _judge(work: Adaptation, step: int, draws: Sequence[Shard]) -> None:
    """Verdicts on a round's draws, and on anchors anew, from one queue that all arms share.

    Of a round that is over (draws that confirm may still be asked for) no anchor is measured: it
    would not say how the evaluator stood then.
    """
    seed, over = work.sweep.seed, is_over(work.lake, work.run_id, step)
    anchors = anchors_of(work.lake, work.run_id, seed) if step and not over else []
    queue = shuffled([*draws, *anchor_shards(anchors, work.problems, step)], seed, step)
    done = ledger.judged(work.lake, work.run_id, work.sweep.judges.harness_id)
    done |= measured(work.lake, work.run_id, step)
    named = evaluate.with_options(task_run_name=_name("evaluate", "all arms", step))
    owed = [shard for shard in (one.less(done) for one in queue) if shard]
    if owed:
        work.turns.judges()
    asked = []
    for shard in owed:
        again = to_measure(work.sweep, anchors, shard.problem, step)
        asked.append(named.submit(opaque(work.sweep), shard, opaque(again), return_state=False))
    wait(asked)
    if missing := work.unjudged(step):
        raise UnavailableError(
            f"{missing} draws of step {step} have no verdict, and nothing can be learned before"
        )
    write_spent(work.lake, work.run_id, step, queue, confirm=work.method.confirm)


def _learn(work: Adaptation, step: int) -> None:
    """Step `step` of every unit, one after the other, while nothing is timed."""
    made = work.made()
    for units in work.together([one for one in work.units if made.owes(one, step)]):
        lessons = [_stage(study, "lesson", work, step, one, one, step) for one in units]
        trained = [
            _stage(train, "train", work, step, one.unit, opaque(one)) for one in lessons if one
        ]
        for one in trained:
            _stage(settle, "effect", work, step, one.studied.unit, opaque(one))
    rows = [dict(row) for row in work.trajectory()]
    key = f"bon-{work.sweep.command}"
    create_table_artifact(table=rows, key=key, description=f"{work.run_id}, step {step}")


def _stage(
    task: Any, stage: str, work: Adaptation, step: int, unit: Unit, *arguments: object
) -> Any:
    named = task.with_options(task_run_name=_name(stage, unit.label, step))
    return named.submit(opaque(work), *arguments, return_state=False).result()


def _name(stage: str, arm: str | None, step: int) -> str:
    return f"{stage} · {arm or BASE_ARM} · step {step}"
