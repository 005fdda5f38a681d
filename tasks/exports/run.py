"""One run out of the lake: a KernelBench run folder, a Parquet or a CSV file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from storage import Lake
from storage.writer import appearing
from tasks.errors import RequestError
from tasks.imports.eval_results import FILE_NAME, result
from tasks.imports.kernel_files import PATTERN

FORMATS = ("kernelbench", "parquet", "csv")

_DRAWS = """
    SELECT r.*, n.name, c.source
    FROM results AS r
    JOIN candidates AS c USING (run_id, suite, level, problem_id, sample_index)
    LEFT JOIN (
        SELECT run_id, suite, level, problem_id, any_value(name) AS name FROM problems GROUP BY ALL
    ) AS n USING (run_id, suite, level, problem_id)
    ORDER BY suite, level, problem_id, sample_index
"""
_TRIALS = """
    SELECT evaluation_id, any_value(candidate_ms) AS candidate_ms,
           any_value(reference_ms) AS reference_ms
    FROM timings GROUP BY evaluation_id
"""
_MACHINES = "SELECT evaluation_id, any_value(machine) AS machine FROM evaluations GROUP BY ALL"


def export_run(lake: Lake, run_id: str, kind: str, out: Path | None = None) -> Path:
    """Write the run to `out`, a directory for `kernelbench`, else a file; where it lies.

    Left out, `out` is named after the run, in the working directory. Nothing is replaced. A run of
    several levels becomes a KernelBench folder for each: its results name no level.

    Raises RequestError for another kind, where something is there already or cannot be written, and
    for `kernelbench` without sources; storage's RunUnknownError.
    """
    if kind not in FORMATS:
        raise RequestError(f"--to {kind!r} is none of {', '.join(FORMATS)}; take one of them")
    lake.check_runs([run_id])
    out = out or Path(f"{run_id}-kernelbench" if kind == "kernelbench" else f"{run_id}.{kind}")
    if out.is_dir() and kind != "kernelbench":
        out = out / f"{run_id}.{kind}"
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RequestError(f"{out} is there already; name another place with --out")
    draws = lake.sql(_DRAWS, [run_id])
    try:
        if kind == "kernelbench":
            _write_folders(out, draws.to_pylist(), _measured(lake, run_id), run_id)
        else:
            out.parent.mkdir(parents=True, exist_ok=True)
            with appearing(out) as draft:
                if kind == "csv":
                    pyarrow.csv.write_csv(_flat(draws), draft)
                else:
                    pq.write_table(draws, draft)
    except OSError as error:
        raise RequestError(
            f"cannot write {out} ({error.strerror or error}); name another place with --out"
        ) from error
    return out


def _flat(draws: pa.Table) -> pa.Table:
    """With lists as JSON, for which CSV has no words."""
    for at, field in enumerate(draws.schema):
        if pa.types.is_nested(field.type):
            values = [None if one is None else json.dumps(one) for one in draws[at].to_pylist()]
            draws = draws.set_column(at, field.name, pa.array(values, pa.string()))
    return draws


def _measured(lake: Lake, run_id: str) -> dict[str, dict[str, Any]]:
    """All trials of a verdict and the machine that they were taken on, by its id."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for query in (_TRIALS, _MACHINES):
        for row in lake.sql(query, [run_id]).to_pylist():
            found[row["evaluation_id"]] |= row
    return found


def _write_folders(
    out: Path,
    draws: list[dict[str, Any]],
    measured: Mapping[str, Mapping[str, Any]],
    run_id: str,
) -> None:
    if not any(row["source"] for row in draws):
        raise RequestError(
            f"run {run_id!r} holds no sources, so there are no kernels to write; take --to parquet"
        )
    levels: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in draws:
        levels[row["level"]].append(row)
    for level, rows in levels.items():
        folder = out if len(levels) == 1 else out / f"level_{level}"
        folder.mkdir(parents=True, exist_ok=True)
        results: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            name = (
                PATTERN.replace("_L_", f"_{level}_")
                .replace("_P_", f"_{row['problem_id']}_")
                .replace("_S_", f"_{row['sample_index']}_")
            )
            (folder / name).write_text(row["source"] or "", encoding="utf-8", newline="")
            if row["status"] not in (None, "harness_error"):  # no verdict of the kernel
                results[str(row["problem_id"])].append(_result(row, measured))
        (folder / FILE_NAME).write_text(json.dumps(results, indent=4) + "\n", encoding="utf-8")


def _result(row: Mapping[str, Any], measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    known = measured.get(row["evaluation_id"], {})
    metadata = {
        "hardware": known.get("machine"),
        "device": row["device"],
        "status": row["status"],
        "speedup": row["speedup"],
        "speedup_interval": [row["speedup_low"], row["speedup_high"]],
        "protocol": row["protocol"],
        "error": row["error"],
    }
    return result(
        row["sample_index"],
        compiled=row["compiled"],
        correct=row["correct"],
        runtime_ms=_times(row, known, "candidate_ms", "runtime_ms"),
        reference_ms=_times(row, known, "reference_ms", "reference_ms"),
        metadata={name: value for name, value in metadata.items() if value is not None},
    )


def _times(
    row: Mapping[str, Any], known: Mapping[str, Any], trials: str, median: str
) -> list[float]:
    """The trials, or the one number that an import brought; none unless it was correct."""
    if not row["correct"]:
        return []
    found: list[float] = known.get(trials) or []
    return found or ([] if row[median] is None else [row[median]])
