"""How a column of the lake is declared: name, type, and what it holds."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa

Field: TypeAlias = "pa.Field[Any]"

COMMENT = b"comment"
"""What a column holds, in its field's metadata: here, in every part, and in DuckDB's catalogue."""


def optional(name: str, kind: pa.DataType, comment: str) -> Field:
    """A column that may be null."""
    return pa.field(name, kind, metadata={COMMENT: comment.encode()})


def required(name: str, kind: pa.DataType, comment: str) -> Field:
    """A column that never is."""
    return optional(name, kind, comment).with_nullable(False)


def comment(field: Field) -> str:
    """What the column holds, one line."""
    return (field.metadata or {}).get(COMMENT, b"").decode()


UTC = pa.timestamp("us", tz="UTC")
RUN = required("run_id", pa.string(), "The run; also the name of the part's directory.")
KEY: list[Field] = [
    RUN,
    required("suite", pa.string(), "The suite of the problem, as it was asked for."),
    required("level", pa.int32(), "KernelBench's level of the problem."),
    required("problem_id", pa.int64(), "The problem's number within its level."),
]
JUDGING: list[Field] = [
    optional("compile_seconds", pa.float64(), "Seconds of compiling and loading."),
    optional("draw_seconds", pa.float64(), "Seconds of drawing inputs. Null in earlier releases."),
    optional("check_seconds", pa.float64(), "Seconds of checking."),
    optional("time_seconds", pa.float64(), "Seconds of timing."),
    optional(
        "wall_seconds",
        pa.float64(),
        "Seconds from beginning to end, waiting for a turn included: what it took is "
        "`judge_seconds`, a macro.",
    ),
    optional("timeout_s", pa.float64(), "What the candidate was allowed, s."),
]
"""Of a measurement: what it took."""
SEQUENCE = optional(
    "sequence",
    pa.int64(),
    "Number of the append within the run's table (orders rows where clocks cannot). Null in rows "
    "of earlier releases, which are older.",
)
