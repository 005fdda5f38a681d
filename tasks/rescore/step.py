"""Score one problem's stored completions and write the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage import Lake
from tasks.policies.logprobs import usable
from tasks.policies.rescore import Score
from tasks.rescore.stored import Stored
from tasks.sample.actor import PolicyHandle
from tasks.sample.rows import Row


@dataclass(frozen=True)
class Scoring:
    """One rescoring in progress: where it writes and who scores."""

    run_id: str
    lake: Lake
    spec: str
    policy_id: str
    temperature: float
    policy: PolicyHandle


def score_stored(scoring: Scoring, stored: Stored) -> int:
    """Score the completions and append them to `rescores` in one piece; how many there were."""
    scores = scoring.policy.score(stored.shard.problem, stored.written)
    part = f"{scoring.policy_id}-{stored.shard.part}"
    rows = score_rows(scoring, stored, scores)
    scoring.lake.append("rescores", rows, run_id=scoring.run_id, part=part)
    return len(rows)


def score_rows(scoring: Scoring, stored: Stored, scores: Sequence[Score]) -> list[Row]:
    """Rows of `rescores`, one per completion; what is no log-probability is stored as missing."""
    now = datetime.now(UTC)
    problem = stored.shard.problem
    rows: list[Row] = []
    for index, text, score in zip(stored.shard.sample_indices, stored.texts, scores, strict=True):
        raw, processed = usable(score.raw), usable(score.processed or ())
        rows.append(
            {
                "suite": problem.suite,
                "level": problem.level,
                "problem_id": problem.problem_id,
                "sample_index": index,
                "policy": scoring.spec,
                "policy_id": scoring.policy_id,
                "temperature": scoring.temperature,
                "scored_text": text,
                "tokens": score.tokens,
                "n_tokens": len(score.token_ids),
                "sum_raw_logprob": _sum(raw),
                "mean_raw_logprob": _mean(raw),
                "sum_processed_logprob": _sum(processed),
                "mean_processed_logprob": _mean(processed),
                "token_ids": score.token_ids,
                "raw_logprobs": raw,
                "processed_logprobs": processed or None,
                "scored_at": now,
            }
        )
    return rows


def _sum(logprobs: Sequence[float]) -> float | None:
    return float(sum(logprobs)) if logprobs else None


def _mean(logprobs: Sequence[float]) -> float | None:
    return float(sum(logprobs)) / len(logprobs) if logprobs else None


rescore = task(name="rescore", retries=1, cache_policy=NO_CACHE, persist_result=False)(score_stored)
