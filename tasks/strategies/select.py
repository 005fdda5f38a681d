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


def select_run(
    lake: Lake, run_id: str, chosen: Sequence[Strategy] | None = None
) -> tuple[pa.Table, str]:
    """All registered strategies (or those chosen) at K = 1, 2, 4, … and n, on every problem with a
    verdict.

    Returns the rows in the schema of `selections`, and a part name made from their content without
    the time: appended under it, an unchanged result is not written again. Raises as `load_draws`.
    """
    known = strategies() if chosen is None else chosen
    blocks = [_rows(one, known) for one in load_draws(lake, [run_id])]
    table = pa.concat_tables([SELECTIONS.empty_table(), *blocks])
    return table, content_name(table)


def content_name(table: pa.Table) -> str:
    """`select-` and 16 hex digits over every column but the time."""
    digest = hashlib.sha256()
    for name in table.column_names:
        if name == "computed_at":
            continue
        digest.update(name.encode())
        digest.update(repr(table[name].to_pylist()).encode())
    return f"select-{digest.hexdigest()[:16]}"


def _rows(draws: Draws, known: Sequence[Strategy]) -> pa.Table:
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
