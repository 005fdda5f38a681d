"""Tables of kernels that are still to be judged: what others publish, with what they say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from tasks.errors import RequestError
from tasks.imports.columns import DEFAULT_LEVEL, TO_JUDGE
from tasks.imports.kernels import Claim, Drawn, Kernel, Kernels
from tasks.imports.limits import KERNEL_BYTES, LARGEST_LEVEL, LARGEST_SAMPLE
from tasks.imports.read import Given, read_table
from tasks.imports.validate import CLAIMED, DRAWN, check_rules
from tasks.opening import in_words

ALIASES = {
    # CUDA-L1's files
    "level_id": "level",
    "task_id": "problem_id",
    "custom_code": "source",
    "score_default": "claimed_speedup",
    # KernelBench's leaderboard
    "code": "source",
    "torch_speedup": "claimed_speedup",
    "kernel_eval_time": "claimed_runtime_ms",
    # KernelBench's results
    "sample_id": "sample_index",
    "correctness": "claimed_correct",
}
"""What peers call a column."""


def read_kernel_table(path: Path, mapped: Mapping[str, str] | None = None) -> Kernels:
    """The kernels of a Parquet, CSV, JSON or JSONL file; `mapped` as in `read_table`.

    `speedup`, `correct` and `runtime_ms` are what the table claims. Without sample indices those of
    a problem are numbered as they come. Rows without a source, or with an empty one, are left out.

    Raises RequestError as `read_table`, and for a row with numbers that no run has, with a kernel
    that is too long, or that names a sample twice; for what a table of results may not say of a
    draw either (`validate`).
    """
    given = read_table(path, mapped, TO_JUDGE, ALIASES)
    table = given.table
    _check_said(path.name, given)
    numbered = table["sample_index"].null_count == 0
    if not numbered and table["sample_index"].null_count < len(table):
        raise RequestError(
            f"{path.name}: sample_index is empty in some rows; fill it in, or drop it"
        )
    seen: Counter[tuple[int, int]] = Counter()
    kernels: dict[tuple[int, int, int], Kernel] = {}
    for number, row in enumerate(table.to_pylist(), 1):
        if row["source"] is None or not row["source"].strip():
            continue
        level = DEFAULT_LEVEL if row["level"] is None else row["level"]
        problem = row["problem_id"]
        sample = row["sample_index"] if numbered else seen[level, problem]
        _check(path.name, number, level, problem, sample, row)
        seen[level, problem] += 1
        kernel = _kernel(level, problem, sample, row)
        if kernel.key in kernels:
            raise RequestError(
                f"{path.name}: level {level}, problem_id {problem}, sample_index {sample} occurs "
                f"again in row {number}; number the samples of each problem afresh"
            )
        kernels[kernel.key] = kernel
    if not kernels:
        raise RequestError(f"{path.name} has no row with a source; export it again")
    ordered = tuple(kernels[key] for key in sorted(kernels))
    return Kernels(path.name, ordered, len(table) - len(kernels))


def _kernel(level: int, problem: int, sample: int, row: Mapping[str, Any]) -> Kernel:
    claim = Claim(
        _first(row["claimed_correct"], row["correct"]),
        _positive(_first(row["claimed_speedup"], row["speedup"])),
        _positive(_first(row["claimed_runtime_ms"], row["runtime_ms"])),
    )
    drawn = Drawn(row["n_tokens"], row["sum_logprob"], row["mean_logprob"], row["logprob_mode"])
    source = row["source"].replace("\r\n", "\n").replace("\r", "\n")
    return Kernel(level, problem, sample, source, claim, drawn)


def _check(
    file: str, number: int, level: int, problem: int | None, sample: int, row: Mapping[str, Any]
) -> None:
    if problem is None:
        raise RequestError(f"{file}: problem_id is empty (row {number}); fill it in")
    for name, value, most in (
        ("level", level, LARGEST_LEVEL),
        ("problem_id", problem, None),
        ("sample_index", sample, LARGEST_SAMPLE),
    ):
        if value < 0 or (most is not None and value > most):
            upto = f" to {most:,}" if most is not None else ""
            raise RequestError(
                f"{file}: {name} is {value} (row {number}), and counts from 0{upto}; number afresh"
            )
    if len(row["source"]) > KERNEL_BYTES:
        raise RequestError(
            f"{file}: source is longer than {in_words(KERNEL_BYTES)} (row {number}); shorten it"
        )


def _check_said(file: str, given: Given) -> None:
    """Raise RequestError for log-probabilities and claims that no table may hold."""
    own = ("speedup", "runtime_ms")  # claims, too, where the table has no others
    claims = ", ".join(f"coalesce(claimed_{name}, {name}) AS claimed_{name}" for name in own)
    with duckdb.connect() as connection:
        connection.register("given", given.table)
        connection.execute(f"CREATE TEMP VIEW imported AS SELECT * REPLACE ({claims}) FROM given")
        check_rules(connection, file, (*DRAWN, *CLAIMED), given.turned)


def _first(claimed: Any, own: Any) -> Any:
    return own if claimed is None else claimed


def _positive(value: float | None) -> float | None:
    """None for 0, -1 and infinity too, which stand for no measurement."""
    return value if value is not None and 0 < value < float("inf") else None
