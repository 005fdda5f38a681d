"""The flow `bon-sweep`: sample K candidates per problem, judge them, select, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prefect import flow
from prefect.futures import wait
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import opaque

from flows.deployed import belong_to_owner, check_options, check_stored, deployed
from flows.ending import enter_flow
from flows.engines import drawing, engines, takes_turns
from flows.ledger import outstanding, record_run, remaining
from flows.refusals import failing_in_a_line
from flows.request import SweepRequest, resolve, stored_policy_id
from flows.summary import SweepSummary, summarise
from flows.told import early_end_told, tell_of
from storage import Lake
from storage.commit import discard_uncommitted
from storage.duckdb_file import write_duckdb_file
from tasks.evaluate.retime import retime
from tasks.evaluate.settle import settle
from tasks.evaluate.step import evaluate
from tasks.plan import Work
from tasks.report.step import report
from tasks.sample.step import sample
from tasks.strategies.step import select

SHARDS_AT_ONCE = 16
"""Threads that wait for Ray; a shard being sampled and one being judged hold one each."""


_threads: Any = ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE)


@flow(name="bon-sweep", task_runner=_threads)
@failing_in_a_line
def bon_sweep(
    profile: str | None = None,
    suite: str | None = None,
    problems: list[int] | None = None,
    k: int | None = None,
    policy: str | None = None,
    seed: int | None = None,
    run: str | None = None,
    lake: str | None = None,
    sampling: dict[str, Any] | None = None,
    judge: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
    draw: bool = True,
) -> SweepSummary:
    """One Best-of-N sweep, or the rest of one: what `run` holds already is not done again.

    Without `draw` no policy is started: what `run` holds is judged.

    Everything left out comes from the run if it exists, else from the profile (default: demo).
    Raises a RequestError before anything is written if the request is wrong.
    """
    options: dict[str, Any] = {"profile": profile, "suite": suite, "problems": problems, "k": k}
    options |= {"policy": policy, "seed": seed, "sampling": sampling, "judge": judge}
    options |= {"limits": limits}
    enter_flow(flow_run.id)
    belong_to_owner()
    house = opened(lake, run, options)
    run_id, request = resolve(house, run, options, SweepRequest)
    with house.run_lock(run_id), early_end_told(run_id):
        discard_uncommitted(house, run_id)
        summary = _sweep(house, run_id, request, draw=draw)
    tell_of(summary)
    return summary


def opened(
    lake: str | None,
    run: str | None,
    options: dict[str, Any],
    kind: type[SweepRequest] = SweepRequest,
) -> Lake:
    """The lake. Raises RequestError if a deployment's request reaches for what it may not."""
    if not deployed():
        return Lake.to_write(lake)
    house = Lake.to_write(lake)
    check_options(options, house)  # before anything is made
    check_stored(house, run, options, kind)
    return house


def _draw(lake: Lake, run_id: str, request: SweepRequest, work: Sequence[Work]) -> str:
    """All draws before the first verdict, for a policy that needs the judge's GPU; its id."""
    with drawing(lake, run_id, request, work) as draws:
        record_run(lake, run_id, request, draws.policy_id, request.selected())
        shards = [one.to_sample for one in work if one.to_sample]
        wait([sample.submit(opaque(draws), shard, return_state=False) for shard in shards])
        return draws.policy_id


def _sweep(lake: Lake, run_id: str, request: SweepRequest, *, draw: bool) -> SweepSummary:
    problems = request.selected()
    work = outstanding(lake, run_id, problems, request, draw=draw)
    released = None
    if not any(one.to_sample for one in work):
        released = stored_policy_id(lake, run_id)  # who draws nothing need not be there
    elif takes_turns(request):
        released = _draw(lake, run_id, request, work)
        work = [replace(one, to_sample=None) for one in work]
    with engines(lake, run_id, request, work, released=released) as sweep:
        record_run(lake, run_id, request, sweep.policy_id, problems)
        shared = opaque(sweep)  # Prefect need not look inside for futures
        done: list[Any] = []
        for problem in problems:
            judged = []
            for one in [item for item in work if item.to_judge.problem == problem]:
                drawn = one.to_sample and sample.submit(shared, one.to_sample, return_state=False)
                after = [drawn] if drawn else []
                verdicts = evaluate.submit(shared, one.to_judge, wait_for=after, return_state=False)
                judged.append(verdicts)
            winners = request.judge.retime
            again = retime.submit(shared, problem, winners, wait_for=judged, return_state=False)
            done += [*judged, again]
        wait(done)
        if request.judge.settle_s:
            wait([settle.submit(shared, problems, request.judge.settle_s, return_state=False)])
    write_duckdb_file(lake)
    select(lake, run_id)
    made = report(lake, [run_id], lake.root / "reports" / f"{run_id}.html")
    return summarise(lake, run_id, made, remaining(lake, run_id, problems, request, draw=draw))
