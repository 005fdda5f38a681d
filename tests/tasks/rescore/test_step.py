"""What a scoring policy answers is checked before it becomes a row."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tasks.plan import Shard
from tasks.policies.rescore import Score
from tasks.problems import Problem
from tasks.rescore.step import Scoring, score_rows
from tasks.rescore.stored import Stored

SCORING = cast(Scoring, SimpleNamespace(spec="other", policy_id="other-1", temperature=1.0))
STORED = Stored(
    Shard(Problem("embedded", 1, 1, "relu", ""), (0,)), written=(), texts=("completion",)
)


def _row(raw: tuple[float, ...], processed: tuple[float, ...] | None = None) -> dict[str, Any]:
    (row,) = score_rows(SCORING, STORED, [Score((5, 6), raw, processed, "stored")])
    return dict(row)


def test_log_probabilities_are_kept() -> None:
    row = _row((-1.0, 1e-6), (-0.5, -0.25))  # rounding above 0 is taken off
    assert row["raw_logprobs"] == (-1.0, 0.0)
    assert (row["sum_raw_logprob"], row["mean_raw_logprob"]) == (-1.0, -0.5)
    assert (row["sum_processed_logprob"], row["mean_processed_logprob"]) == (-0.75, -0.375)


@pytest.mark.parametrize("value", [math.nan, -math.inf, math.inf, -9999.0, -1e30, 0.5])
def test_what_is_none_is_missing(value: float) -> None:
    row = _row((-1.0, value), (-0.5, value))
    for name in ("sum_raw_logprob", "mean_raw_logprob", "sum_processed_logprob"):
        assert row[name] is None
    assert row["raw_logprobs"] == ()
    assert row["processed_logprobs"] is None
    assert row["n_tokens"] == 2
