"""The flow `bon-train`: the outer loop. One adapter learns from many problems, others judge it."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from flows.adapt_engines import adapting, owed
from flows.deployed import belong_to_owner
from flows.ending import enter_flow
from flows.ledger import record_run
from flows.refusals import failing_in_a_line
from flows.request import resolve
from flows.rounds import run_rounds
from flows.sweep import SHARDS_AT_ONCE, opened
from flows.told import early_end_told, tell_of_adaptation
from flows.train_request import TrainRequest
from flows.train_summary import TrainSummary, summarise
from storage.commit import discard_uncommitted
from storage.duckdb_file import write_duckdb_file

_threads: Any = ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE)


@flow(name="bon-train", task_runner=_threads)
@failing_in_a_line
def bon_train(
    profile: str | None = None,
    suite: str | None = None,
    problems: list[int] | None = None,
    policy: str | None = None,
    seed: int | None = None,
    run: str | None = None,
    lake: str | None = None,
    train: dict[str, Any] | None = None,
    adapt: dict[str, Any] | None = None,
    sampling: dict[str, Any] | None = None,
    judge: dict[str, Any] | None = None,
) -> TrainSummary:
    """One training, or the rest of one: what `run` holds already is not done again.

    Everything left out comes from the run if it exists, else from the profile (default:
    train-demo). Raises a RequestError before anything is written if the request is wrong.
    """
    options: dict[str, Any] = {"profile": profile, "suite": suite, "problems": problems}
    options |= {"policy": policy, "seed": seed, "train": train, "adapt": adapt}
    options |= {"sampling": sampling, "judge": judge}
    enter_flow(flow_run.id)
    belong_to_owner()
    house = opened(lake, run, options, TrainRequest)
    run_id, request = resolve(house, run, options, TrainRequest)
    with house.run_lock(run_id), early_end_told(run_id):
        discard_uncommitted(house, run_id)
        with adapting(house, run_id, request, owed(house, run_id, request)) as work:
            record_run(house, run_id, request, work.sweep.policy_id, work.problems)
            run_rounds(work)
        write_duckdb_file(house)
        summary = summarise(house, run_id, request, owed(house, run_id, request).verdicts)
    tell_of_adaptation(summary)
    return summary
