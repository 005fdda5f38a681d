"""The flow `bon-adapt`: arms that learn at test time, beside one that only draws on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.futures import wait
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import opaque

from flows.adapt_engines import adapting, owed
from flows.adapt_request import AdaptRequest
from flows.adapt_summary import AdaptSummary, summarise
from flows.deployed import belong_to_owner
from flows.ending import enter_flow
from flows.ledger import record_run
from flows.refusals import failing_in_a_line
from flows.request import resolve
from flows.rounds import run_rounds
from flows.sweep import SHARDS_AT_ONCE, opened
from flows.told import early_end_told, tell_of_adaptation
from storage import Lake
from storage.commit import discard_uncommitted
from storage.duckdb_file import write_duckdb_file
from tasks.adapt.adaptation import Adaptation
from tasks.evaluate.retime import retime
from tasks.evaluate.settle import settle
from tasks.problems import Problem

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
    todo = owed(lake, run_id, request)
    with adapting(lake, run_id, request, todo) as work:
        problems = work.problems
        record_run(lake, run_id, request, work.sweep.policy_id, problems)
        run_rounds(work)
        _measure_again(work, problems, request.judge.retime, request.judge.settle_s)
    write_duckdb_file(lake)
    return summarise(lake, run_id, request, owed(lake, run_id, request).verdicts)


def _measure_again(
    work: Adaptation, problems: Sequence[Problem], winners: int, settle_s: float
) -> None:
    """The winners of every arm a second time, and what noise left unsettled (see bon-sweep)."""
    work.turns.judges()
    shared = opaque(work.sweep)
    wait([retime.submit(shared, one, winners, return_state=False) for one in problems])
    if settle_s:
        wait([settle.submit(shared, list(problems), settle_s, return_state=False)])
