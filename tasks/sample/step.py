"""Draw one shard and write it."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.commit import commit
from tasks.plan import Shard
from tasks.policies.base import sample_seed
from tasks.sample.rows import candidate_rows
from tasks.sweep import Sweep


def sample_shard(sweep: Sweep, shard: Shard) -> None:
    """Draw the shard's samples, one seed each, and commit them to the lake in one piece."""
    seeds = [sample_seed(sweep.seed, shard.problem, index) for index in shard.sample_indices]
    samples, seconds = sweep.policy.sample(shard.problem, seeds)
    candidates, tokens = candidate_rows(shard, samples, seeds, sweep.policy_id, seconds)
    tables = {"candidates": candidates, "token_logprobs": tokens}
    commit(sweep.lake, sweep.run_id, shard.part, tables)
    sweep.progress.advance("sample", len(samples))


sample = task(name="sample", retries=1, cache_policy=NO_CACHE, persist_result=False)(sample_shard)
