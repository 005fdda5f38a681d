"""The flow `bon-adapt`: arms that learn at test time, beside one that only draws on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.futures import wait
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import opaque

from flows.adapt_engines import adapting, owed, round_drawings
from flows.adapt_request import AdaptRequest
from flows.adapt_summary import AdaptSummary, summarise
from flows.deployed import belong_to_owner
from flows.ending import enter_flow
from flows.errors import UnavailableError
from flows.ledger import record_run
from flows.refusals import failing_in_a_line
from flows.request import resolve
from flows.sweep import SHARDS_AT_ONCE, opened
from flows.told import early_end_told, tell_of_adaptation
from storage import Lake, ledger
from storage.commit import discard_uncommitted
from storage.duckdb_file import write_duckdb_file
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.anchors import anchor_shards, anchors_of, measured, to_measure
from tasks.adapt.order import shuffled
from tasks.adapt.spent import is_over, write_spent
from tasks.adapt.train import train
from tasks.adapt.units import BASE_ARM
from tasks.evaluate.retime import retime
from tasks.evaluate.settle import settle
from tasks.evaluate.step import evaluate
from tasks.plan import Shard
from tasks.problems import Problem
from tasks.sample.step import sample

_threads: Any = ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE)


@flow(name="bon-adapt", task_runner=_threads)
@failing_in_a_line
def bon_adapt(
    profile: str | None = None,
    suite: str | None = None,
    problems: list[int] | None = None,
    policy: str | None = None,
    seed: int | None = None,
    run: str | None = None,
    lake: str | None = None,
    adapt: dict[str, Any] | None = None,
    sampling: dict[str, Any] | None = None,
    judge: dict[str, Any] | None = None,
) -> AdaptSummary:
    """One adaptation, or the rest of one: what `run` holds already is not done again.

    Everything left out comes from the run if it exists, else from the profile (default:
    adapt-demo). Raises a RequestError before anything is written if the request is wrong.
    """
    options: dict[str, Any] = {"profile": profile, "suite": suite, "problems": problems}
    options |= {"policy": policy, "seed": seed, "adapt": adapt}
    options |= {"sampling": sampling, "judge": judge}
    enter_flow(flow_run.id)
    belong_to_owner()
    house = opened(lake, run, options, AdaptRequest)
    run_id, request = resolve(house, run, options, AdaptRequest)
    with house.run_lock(run_id), early_end_told(run_id):
        discard_uncommitted(house, run_id)
        summary = _adapt(house, run_id, request)
    tell_of_adaptation(summary)
    return summary


def _adapt(lake: Lake, run_id: str, request: AdaptRequest) -> AdaptSummary:
    problems = request.selected()
    todo = owed(lake, run_id, request, problems)
    last = request.last_step(len(problems))
    with adapting(lake, run_id, request, problems, todo) as work:
        record_run(lake, run_id, request, work.sweep.policy_id, problems)
        for step in range(last + 1):
            _judge(work, step, _draw(work, step))
            if step < last:
                _learn(work, step + 1)
        _measure_again(work, problems, request.judge.retime, request.judge.settle_s)
    write_duckdb_file(lake)
    return summarise(lake, run_id, request, owed(lake, run_id, request, problems).verdicts)


def _draw(work: Adaptation, step: int) -> list[Shard]:
    """All draws of a round, arm after arm: the model wears one adapter at a time."""
    found: list[Shard] = []
    made, sampled = work.made(), ledger.sampled(work.lake, work.run_id)
    for one in round_drawings(work, step):
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
    asked = []
    for shard in filter(None, (one.less(done) for one in queue)):
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
    if owing := [one for one in work.units if made.owes(one, step)]:
        with work.training() as trained:
            for unit in owing:
                named = train.with_options(task_run_name=_name("train", unit.label, step))
                named.submit(opaque(trained), unit, step, return_state=False).result()
    rows = [dict(row) for row in work.trajectory()]
    create_table_artifact(table=rows, key="bon-adapt", description=f"{work.run_id}, step {step}")


def _measure_again(
    work: Adaptation, problems: Sequence[Problem], winners: int, settle_s: float
) -> None:
    """The winners of every arm a second time, and what noise left unsettled (see bon-sweep)."""
    shared = opaque(work.sweep)
    wait([retime.submit(shared, one, winners, return_state=False) for one in problems])
    if settle_s:
        wait([settle.submit(shared, list(problems), settle_s, return_state=False)])


def _name(stage: str, arm: str | None, step: int) -> str:
    return f"{stage} · {arm or BASE_ARM} · step {step}"
