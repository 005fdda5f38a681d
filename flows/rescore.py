"""The flow `rescore`: log-probabilities of a run's completions under any policy, as new rows."""

from __future__ import annotations

import json
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import opaque
from pydantic import BaseModel, ConfigDict

from flows.deployed import belong_to_owner
from flows.ending import end, enter_flow
from flows.errors import RequestError
from flows.request import Sampling
from flows.steps import begins
from storage import Lake
from tasks.adapt.named import loadable_policy, named_policy
from tasks.cluster import cluster
from tasks.evaluate.placement import judging_cores
from tasks.policies import check_policy
from tasks.problems import load_suite
from tasks.rescore.step import Scoring, rescore
from tasks.rescore.stored import unscored
from tasks.sample.actor import start_policy

_threads: Any = ThreadPoolTaskRunner(max_workers=4)


class RescoreSummary(BaseModel):
    """What a rescoring came to."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    policy: str
    policy_id: str
    scored: int
    """Completions scored now; those that were scored before are not scored again."""
    mean_raw_logprob: float | None
    """Nats per token, mean over all of the run's completions under this policy."""
    retokenised: int
    """Scored by other tokens than were drawn: another tokenizer, or none stored."""
    without: int
    """For which the policy gave no log-probabilities, or values that can be none."""


@flow(name="rescore", task_runner=_threads)
def rescore_run(
    run: str,
    policy: str,
    lake: str | None = None,
    suite: str | None = None,
    sampling: dict[str, Any] | None = None,
) -> RescoreSummary:
    """Score every stored completion of `run` that `policy` has not scored yet.

    Prompt mode, backend and temperature are those that the run was drawn with; `sampling` overrides
    them, and gives them for an imported run. Raises RequestError.
    """
    enter_flow(flow_run.id)
    belong_to_owner()
    house = Lake.open(lake)
    house.check_runs([run])
    policy = named_policy(house, policy)
    check_policy(policy)
    spec = loadable_policy(house, policy)
    settings = _settings(house, run, sampling or {})
    problems = load_suite(suite).problems if suite else None
    unscored(house, run, "", problems)  # what cannot be scored is said before anything is loaded
    with house.run_lock(run), cluster(end):
        begins(f"loading the policy {policy}")
        handle = start_policy(spec, settings.params(), len(judging_cores().side))
        try:
            policy_id = handle.policy_id
            scoring = Scoring(run, house, policy, policy_id, settings.temperature, handle)
            parts = unscored(house, run, policy_id, problems)
            futures = [rescore.submit(opaque(scoring), one, return_state=False) for one in parts]
            scored = sum(future.result() for future in futures)
        finally:
            handle.close()
    return _summary(house, run, policy, policy_id, scored)


def _settings(lake: Lake, run: str, given: dict[str, Any]) -> Sampling:
    rows = lake.sql("SELECT config FROM runs_latest", [run]).to_pylist()
    config = json.loads(rows[0]["config"]) if rows else {}
    known = {name: value for name, value in given.items() if value is not None}
    try:
        return Sampling.model_validate(dict(config.get("sampling") or {}) | known)
    except ValueError as error:
        raise RequestError(f"sampling of the rescoring: {str(error).splitlines()[-2]}") from None


def _summary(lake: Lake, run: str, policy: str, policy_id: str, scored: int) -> RescoreSummary:
    query = (
        "SELECT avg(mean_raw_logprob) AS mean_raw_logprob, "
        "count(*) FILTER (tokens = 'retokenised') AS retokenised, "
        "count(*) FILTER (mean_raw_logprob IS NULL AND n_tokens > 0) AS without "
        f"FROM rescores_latest WHERE policy_id = '{policy_id}'"
    )
    totals = lake.sql(query, [run]).to_pylist()[0]
    return RescoreSummary(run_id=run, policy=policy, policy_id=policy_id, scored=scored, **totals)
