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
    """(`candidates` rows, one per sample; `token_logprobs` rows, of those that have any).

    `seconds` is what all of them took together.
    """
    now = datetime.now(UTC)
    candidates: list[Row] = []
    tokens: list[Row] = []
    for index, sample, seed in zip(shard.sample_indices, samples, seeds, strict=True):
        key: Row = {
            "suite": shard.problem.suite,
            "level": shard.problem.level,
            "problem_id": shard.problem.problem_id,
            "sample_index": index,
            "logprob_mode": sample.logprob_mode if sample.logprobs else None,
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
                "n_tokens": sample.n_tokens,
                "sum_logprob": sample.sum_logprob,
                "mean_logprob": sample.mean_logprob,
                **_code_columns(sample),
                "sample_seconds": seconds / len(samples),
                "created_at": now,
            }
        )
        if sample.logprobs:
            tokens.append(key | {"token_ids": sample.token_ids, "logprobs": sample.logprobs})
    return candidates, tokens


def _code_columns(sample: Sample) -> Row:
    first, last = sample.code_span or (None, None)
    logprobs = sample.code_logprobs
    total = None if logprobs is None else float(sum(logprobs))
    return {
        "code_first_token": first,
        "n_code_tokens": None if first is None or last is None else last - first,
        "code_sum_logprob": total,
        "code_mean_logprob": None if logprobs is None or total is None else total / len(logprobs),
    }
