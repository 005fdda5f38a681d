"""Samples as rows of `candidates` and `token_logprobs`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.plan import Shard
from tasks.policies.base import Sample

Row = dict[str, object]


def source_hash(source: str) -> str:
    """SHA-256 of the judged module, 16 hex digits: equal sources share one measurement."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def candidate_rows(
    shard: Shard, samples: Sequence[Sample], seeds: Sequence[int], policy_id: str, seconds: float
) -> tuple[list[Row], list[Row]]:
    """(`candidates` rows, `token_logprobs` rows), one per sample; `seconds` is the shard's."""
    now = datetime.now(UTC)
    candidates: list[Row] = []
    tokens: list[Row] = []
    for index, sample, seed in zip(shard.sample_indices, samples, seeds, strict=True):
        key: Row = {
            "suite": shard.problem.suite,
            "level": shard.problem.level,
            "problem_id": shard.problem.problem_id,
            "sample_index": index,
            "logprob_mode": sample.logprob_mode,
        }
        candidates.append(
            key
            | {
                "source_hash": source_hash(sample.source),
                "policy_id": policy_id,
                "seed": seed,
                "completion": sample.completion,
                "source": sample.source,
                "finish_reason": sample.finish_reason,
                "n_prompt_tokens": sample.n_prompt_tokens,
                "n_tokens": len(sample.token_ids),
                "sum_logprob": sample.sum_logprob,
                "mean_logprob": sample.mean_logprob,
                "sample_seconds": seconds / len(samples),
                "created_at": now,
            }
        )
        tokens.append(key | {"token_ids": sample.token_ids, "logprobs": sample.logprobs})
    return candidates, tokens
