"""The columns that an imported table may have, and the types that they must fit."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

REQUIRED: dict[str, pa.DataType] = {
    "problem_id": pa.int64(),
    "sample_index": pa.int64(),
    "mean_logprob": pa.float64(),  # nats per token; may be empty
    "correct": pa.bool_(),
    "speedup": pa.float64(),  # empty or 0 where incorrect
}

OPTIONAL: dict[str, pa.DataType] = {
    "level": pa.int32(),
    "n_tokens": pa.int64(),
    "sum_logprob": pa.float64(),
    "logprob_mode": pa.string(),
    "source": pa.string(),
    "name": pa.string(),  # of the problem
    "status": pa.string(),
    "fast_1": pa.bool_(),
    "speedup_low": pa.float64(),
    "speedup_high": pa.float64(),
    "runtime_ms": pa.float64(),
    "reference_ms": pa.float64(),
    "device": pa.string(),
    "claimed_speedup": pa.float64(),  # what others say of it, beside what is measured here
    "claimed_correct": pa.bool_(),
    "claimed_runtime_ms": pa.float64(),
}

KNOWN = REQUIRED | OPTIONAL

TO_JUDGE = ("problem_id", "source")
"""Required instead of `REQUIRED` of kernels that are still to be judged."""

LOGPROBS = ("mean_logprob", "sum_logprob")

VERDICT = (
    "status",
    "speedup",
    "fast_1",
    "speedup_low",
    "speedup_high",
    "runtime_ms",
    "reference_ms",
)
"""What is known of a draw once it is judged, beside `correct`: without all of them it has no
verdict."""

DEFAULT_LEVEL = 1
"""Rows without a level are of KernelBench's first."""


def completed(table: pa.Table) -> pa.Table:
    """With every known column, in order; those that the file lacks as nulls."""
    for name, wanted in KNOWN.items():
        if name not in table.column_names:
            absent: Any = pa.scalar(None, wanted)  # its stubs know no type that is told late
            column: Any = pa.repeat(absent, len(table))
            table = table.append_column(pa.field(name, wanted), column)
    return table.select(list(KNOWN))
