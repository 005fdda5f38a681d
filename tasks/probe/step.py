"""Score draws under one checkpoint, and write the scores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.adapters import at_hand
from tasks.adapt.checkpoint import BASE, Checkpoint
from tasks.errors import AdapterError
from tasks.plan import SHARD_SIZE
from tasks.policies.rescore import Score
from tasks.probe.draws import Draws, Row
from tasks.problems import Problem
from tasks.sample.actor import PolicyHandle


@dataclass(frozen=True)
class Probing:
    """One probe in progress: whose checkpoints, where it writes and who scores."""

    run_id: str
    lake: Lake
    policy: PolicyHandle


@dataclass(frozen=True)
class Part:
    """Draws of one problem, 64 at most. checkpoint: None for the base model."""

    checkpoint: Checkpoint | None
    draws_run: str
    problem: Problem
    rows: tuple[Row, ...]

    @property
    def checkpoint_id(self) -> str:
        return self.checkpoint.checkpoint_id if self.checkpoint else BASE


def parts_of(
    checkpoint: Checkpoint | None,
    draws: Draws,
    problems: Sequence[Problem],
    scored: Mapping[tuple[str, str], set[tuple[ProblemKey, int]]],
) -> list[Part]:
    """What a checkpoint has not scored yet of the draws of these problems."""
    found = []
    name = checkpoint.checkpoint_id if checkpoint else BASE
    done = scored.get((name, draws.run), set())
    for problem in problems:
        key = problem.key
        left = [row for row in draws.rows.get(key, []) if (key, row["sample_index"]) not in done]
        found += [
            Part(checkpoint, draws.run, problem, tuple(left[first : first + SHARD_SIZE]))
            for first in range(0, len(left), SHARD_SIZE)
        ]
    return found


def score_part(probing: Probing, part: Part) -> int:
    """Score the draws and append them to `probes` in one piece; how many there were.

    Raises AdapterError for a checkpoint that is gone or not as it was saved.
    """
    if part.checkpoint is not None:
        at_hand(probing.lake, part.checkpoint)
    folder: Path | None = part.checkpoint.folder if part.checkpoint else None
    policy = probing.policy.wearing(folder)
    began = time.monotonic()
    prompt = policy.encode_prompt(part.problem)
    scores = policy.score_tokens(prompt, [tuple(row["token_ids"]) for row in part.rows])
    seconds = (time.monotonic() - began) / len(part.rows)
    now = datetime.now(UTC)
    rows = []
    for row, score in zip(part.rows, scores, strict=True):
        logprobs = in_mode(score, row["logprob_mode"])
        rows.append(
            {
                "suite": part.problem.suite,
                "level": part.problem.level,
                "problem_id": part.problem.problem_id,
                "checkpoint_id": part.checkpoint_id,
                "draws_run": part.draws_run,
                "sample_index": row["sample_index"],
                "logprob_mode": row["logprob_mode"],
                "n_prompt_tokens": len(prompt),
                "n_tokens": len(logprobs),
                "sum_logprob": float(sum(logprobs)),
                "mean_logprob": float(sum(logprobs)) / len(logprobs),
                "divergence": divergence(row["logprobs"], logprobs),
                "seconds": seconds,
                "scored_at": now,
            }
        )
    indices = repr((part.draws_run, [row["sample_index"] for row in part.rows]))
    digest = hashlib.sha256(indices.encode()).hexdigest()[:12]
    name = f"{part.checkpoint_id}-L{part.problem.level}-{part.problem.problem_id}-{digest}"
    probing.lake.append("probes", rows, run_id=probing.run_id, part=name)
    return len(rows)


def divergence(drawn: Sequence[float], scored: Sequence[float]) -> float:
    """Σ e^−d − 1 + d over tokens, d = drawn − scored. Its mean over draws is that of Σ d, which is
    KL(who drew ‖ who scores), with less noise, and no term of it is negative."""
    apart = np.asarray(drawn, np.float64) - np.asarray(scored, np.float64)
    return float((np.expm1(-apart) + apart).sum())


def in_mode(score: Score, mode: str) -> Sequence[float]:
    """The log-probabilities that compare with those of draws in this mode."""
    if mode == "raw_logprobs":
        return score.raw
    if score.processed is None:
        raise AdapterError("the policy tells no log-probabilities at the temperature of the draws")
    return score.processed


probe = task(name="probe", retries=1, cache_policy=NO_CACHE, persist_result=False)(score_part)
