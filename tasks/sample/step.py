"""Draw one shard and write its candidates as they finish."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from storage import ledger
from storage.commit import commit
from tasks.errors import TasksError, TokenBudgetError
from tasks.plan import Shard
from tasks.policies.base import sample_seed
from tasks.sample.rows import candidate_rows
from tasks.sweep import Draws


def sample_shard(sweep: Draws, shard: Shard) -> str | None:
    """Draw what the lake lacks of the shard, one seed each, and commit groups as they finish.

    Returns why it stopped early if the token budget ended it, else None. Raises what the policy
    raised; what had finished until then is in the lake.
    """
    left = shard.less(ledger.sampled(sweep.lake, sweep.run_id, shard.problem_key))
    if left is None:
        return None
    seeds = [sample_seed(sweep.seed, left.problem, index) for index in left.sample_indices]
    try:
        for drawn in sweep.policy.stream(left.problem, seeds):
            group = sorted(zip(drawn.positions, drawn.samples, strict=True), key=lambda one: one[0])
            positions, samples = zip(*group, strict=True)
            part = Shard(left.problem, tuple(left.sample_indices[one] for one in positions))
            own_seeds = [seeds[one] for one in positions]
            candidates, tokens = candidate_rows(
                part, samples, own_seeds, sweep.policy_id, drawn.seconds
            )
            candidates = [row | dict(sweep.arm) for row in candidates]
            tables = {"candidates": candidates, "token_logprobs": tokens}
            commit(sweep.lake, sweep.run_id, part.part, tables)
            sweep.progress.advance("sample", len(samples))
    except TokenBudgetError as error:
        return str(error)
    return None


def _worth_a_retry(_task: object, _run: object, state: Any) -> bool:
    """A policy's own errors come after its own retries."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, TasksError)


@task(
    name="sample",
    retries=1,
    retry_condition_fn=_worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def sample(sweep: Draws, shard: Shard) -> None:
    """The Prefect task around `sample_shard`."""
    stopped = sample_shard(sweep, shard)
    if stopped:
        get_run_logger().warning(f"{shard.label}: {stopped}")
