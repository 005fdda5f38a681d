"""The flow `probe`: the same draws under every checkpoint of an adaptation."""

from __future__ import annotations

import math
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import opaque
from pydantic import BaseModel, ConfigDict

from flows.adapt_request import AdaptRequest
from flows.deployed import belong_to_owner
from flows.ending import end, enter_flow
from flows.errors import RequestError
from flows.request import stored_request
from flows.steps import begins
from storage import Lake
from tasks.adapt.adapters import at_hand
from tasks.adapt.checkpoint import BASE
from tasks.adapt.named import loadable_policy
from tasks.adapt.standing import Made
from tasks.adapt.units import BASE_ARM
from tasks.cluster import cluster
from tasks.evaluate.placement import judging_cores
from tasks.probe.association import Pooled
from tasks.probe.draws import Draws, fixed_draws, own_draws
from tasks.probe.findings import Finding, Weights, findings, weights_of
from tasks.probe.scores import Scores, check_reproduced
from tasks.probe.spent import write_probe_spent
from tasks.probe.step import Part, Probing, parts_of, probe
from tasks.problems import Problem
from tasks.sample.actor import start_policy

_threads: Any = ThreadPoolTaskRunner(max_workers=1)


class Correlation(BaseModel):
    """ρ with its 95 % interval over problems; null where undefined."""

    model_config = ConfigDict(frozen=True)

    rho: float | None
    low: float | None
    high: float | None
    problems: int
    draws: int


class ProbeStep(BaseModel):
    """One step of one arm; see tasks.probe.findings.Finding. Nats are per token."""

    model_config = ConfigDict(frozen=True)

    arm: str
    step: int
    problems: int
    moved: int
    surprise: float | None
    rho: Correlation
    partial: Correlation
    bottom_quarter: Correlation
    paper_rho: float | None
    paper_bottom_quarter: float | None
    draws: int
    entropy: float | None
    kl_from_base: float | None
    distinct_sources: float | None
    pass_at_k: dict[int, float]
    hack_rate: float | None


class ProbeSummary(BaseModel):
    """What a probe came to."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    draws_run: str
    draws: int
    """Fixed draws that every checkpoint scored."""
    reproduced: float
    """Mean |Δ| between the stored and the scored log-probabilities of the base model, nats per
    token."""
    scored: int
    """Scores made now; those that were made before are not made again."""
    steps: list[ProbeStep]


@flow(name="probe", task_runner=_threads)
def probe_run(run: str, draws: str = BASE_ARM, lake: str | None = None) -> ProbeSummary:
    """Score fixed draws under every checkpoint of `run`, and say what that shows.

    draws: `base`, the run's own base arm; or a run whose draws the same base model made. Raises
    RequestError if the base model does not reproduce the log-probabilities that they came with.
    """
    enter_flow(flow_run.id)
    belong_to_owner()
    house = Lake.open(lake)
    draws_run = run if draws == BASE_ARM else draws
    house.check_runs([run, draws_run])
    request = _settings(house, run)
    problems = request.selected()
    keys = [one.key for one in problems]
    fixed, own = fixed_draws(house, draws_run, keys), own_draws(house, run, keys)
    made = Made(house, run, request.adapt.patience)
    weights = list(weights_of(request.units(problems), made, request.last_step(len(problems))))
    with house.run_lock(run):
        scored = _score(house, run, request, problems, weights, fixed, own)
        write_probe_spent(house, run)
    scores = Scores(house, run)
    return ProbeSummary(
        run_id=run,
        draws_run=draws_run,
        draws=len(fixed.all),
        reproduced=check_reproduced(scores, BASE, fixed),
        scored=scored,
        steps=[_step(one) for one in findings(weights, fixed, own, scores)],
    )


def _settings(lake: Lake, run: str) -> AdaptRequest:
    kinds = lake.sql("SELECT kind FROM runs_latest", [run])["kind"].to_pylist()
    request = stored_request(lake, run, AdaptRequest) if kinds == ["adapt"] else None
    if request is None:
        raise RequestError(
            f"run {run!r} is no adaptation, and the probe looks at the checkpoints of one; name a "
            "run of `bon adapt`"
        )
    return request


def _score(
    lake: Lake,
    run: str,
    request: AdaptRequest,
    problems: tuple[Problem, ...],
    weights: list[Weights],
    fixed: Draws,
    own: Draws,
) -> int:
    """All that was not scored yet; how much that was. The base model first: nothing else is scored
    if it does not reproduce its draws. Raises AdapterError for a checkpoint that is not as it was
    saved."""
    done = Scores(lake, run).scored()
    trained = Draws(
        run,
        {
            key: left
            for key, rows in own.rows.items()
            if (left := [row for row in rows if row["checkpoint_id"] is not None])
        },
    )
    first = parts_of(None, fixed, problems, done)
    rest = parts_of(None, trained, problems, done)
    seen: set[str] = set()
    for one in weights:
        for checkpoint in one.checkpoints.values():
            if checkpoint is None or checkpoint.checkpoint_id in seen:
                continue
            seen.add(checkpoint.checkpoint_id)
            mine = [p for p in problems if one.checkpoints.get(p.key) == checkpoint]
            owed = parts_of(checkpoint, fixed, mine, done)
            if owed:
                at_hand(lake, checkpoint)  # before anything is loaded
            rest += owed
    if not first:
        check_reproduced(Scores(lake, run), BASE, fixed)
    if not first and not rest:
        return 0
    with cluster(end):
        begins(f"loading the policy {request.policy}")
        threads = len(judging_cores().side)
        spec = loadable_policy(lake, request.policy)
        handle = start_policy(spec, request.sampling.params(), threads)
        try:
            probing = Probing(run, lake, handle)
            scored = _all_of(probing, first)
            check_reproduced(Scores(lake, run), BASE, fixed)
            return scored + _all_of(probing, rest)
        finally:
            handle.close()


def _all_of(probing: Probing, parts: list[Part]) -> int:
    """One after the other: there is one model, and it wears one adapter at a time."""
    shared, scored = opaque(probing), 0
    for part in parts:
        named = probe.with_options(task_run_name=f"probe · {part.checkpoint_id}")
        scored += named.submit(shared, opaque(part), return_state=False).result()
    return scored


def _step(found: Finding) -> ProbeStep:
    return ProbeStep(
        arm=found.arm,
        step=found.step,
        problems=found.problems,
        moved=found.moved,
        surprise=_known(found.surprise),
        rho=_correlation(found.rho),
        partial=_correlation(found.partial),
        bottom_quarter=_correlation(found.quarter),
        paper_rho=_known(found.paper_rho),
        paper_bottom_quarter=_known(found.paper_quarter),
        draws=found.draws,
        entropy=_known(found.entropy),
        kl_from_base=_known(found.kl_from_base),
        distinct_sources=_known(found.distinct),
        pass_at_k=found.pass_at_k,
        hack_rate=_known(found.hack_rate),
    )


def _correlation(one: Pooled) -> Correlation:
    return Correlation(
        rho=_known(one.rho),
        low=_known(one.low),
        high=_known(one.high),
        problems=one.problems,
        draws=one.draws,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
