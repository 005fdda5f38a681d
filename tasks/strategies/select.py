"""Rows of `selections`: what every strategy picks in one run, problem by problem."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from storage import Lake
from storage.schemas import SELECTIONS
from tasks.statistics.arrays import Floats
from tasks.strategies.base import Applicability, Draws, Strategy, strategies
from tasks.strategies.curve import curve
from tasks.strategies.load import load_draws
from tasks.strategies.study import MEASURES, default_ks

_KEY = ("run_id", "suite", "level", "problem_id", "strategy", "k")


def select_run(
    lake: Lake, run_id: str, chosen: Sequence[Strategy] | None = None
) -> tuple[pa.Table, str]:
    """All registered strategies (or those chosen) at K = 1, 2, 4, … and n, on every problem with a
    verdict.

    Returns the rows in the schema of `selections`, and a part name made from their content without
    the time: appended under it, an unchanged result is not written again. Raises as `load_draws`.
    """
    known = strategies() if chosen is None else chosen
    harness_id = _asked_harness(lake, run_id)
    blocks = [_rows(one, known, harness_id) for one in load_draws(lake, [run_id])]
    table = pa.concat_tables([SELECTIONS.empty_table(), *blocks])
    return table, content_name(table)


def content_name(table: pa.Table) -> str:
    """`select-` and 16 hex digits over every column but the time and the order of recording.

    The order of the rows does not matter.
    """
    digest = hashlib.sha256()
    ordered = table.sort_by([(name, "ascending") for name in _KEY])
    for name in ordered.column_names:
        if name in ("computed_at", "sequence"):
            continue
        digest.update(name.encode())
        digest.update(repr(ordered[name].to_pylist()).encode())
    return f"select-{digest.hexdigest()[:16]}"


def _asked_harness(lake: Lake, run_id: str) -> str | None:
    """The harness whose verdicts `results` shows; None where it shows any."""
    rows = lake.sql("SELECT harness_id FROM runs_latest", [run_id]).to_pylist()
    return rows[0]["harness_id"] if rows else None


def _rows(draws: Draws, known: Sequence[Strategy], harness_id: str | None) -> pa.Table:
    ks = sorted({*default_ks(draws.n), draws.n})
    size = len(ks)
    blocks = []
    now = datetime.now(UTC)
    for one in known:
        found = curve(one, draws, ks)
        constant = {
            "run_id": draws.run_id,
            "suite": draws.suite,
            "level": draws.level,
            "problem_id": draws.problem_id,
            "strategy": one.name,
            "n": draws.n,
            "n_correct": int(draws.correct.sum()),
            "applicable": found.applicability is Applicability.APPLICABLE,
            "pick_sample_index": found.pick,
            "computed_at": now,
            "harness_id": harness_id,
            "sequence": None,
        }
        columns: dict[str, list[Any]] = {
            **{name: [value] * size for name, value in constant.items()},
            "k": ks,
            **{measure: _nullable(getattr(found, measure)) for measure in MEASURES},
        }
        blocks.append(pa.Table.from_pydict(columns, schema=SELECTIONS))
    return pa.concat_tables(blocks)


def _nullable(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
