"""Rows of `selections`: what every strategy picks in one run, problem by problem."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from storage import Lake
from storage.schemas import SELECTIONS
from tasks.strategies.base import Applicability, Score, Strategy, strategies
from tasks.strategies.batch import Batch, batches
from tasks.strategies.curve import Curves, Order, curves, order, passes
from tasks.strategies.load import load_draws
from tasks.strategies.study import MEASURES, default_ks

_KEY = ("run_id", "suite", "level", "problem_id", "strategy", "k")


def select_run(lake: Lake, run_id: str, chosen: Sequence[Strategy] | None = None) -> pa.Table:
    """All registered strategies (or those chosen) at K = 1, 2, 4, … and n, on every problem with a
    verdict: rows in the schema of `selections`. Raises as `load_draws`.
    """
    known = strategies() if chosen is None else chosen
    harness_id = _asked_harness(lake, run_id)
    now = datetime.now(UTC)
    blocks = [SELECTIONS.empty_table()]
    for _, given in batches(load_draws(lake, [run_id])):
        ks = sorted({*default_ks(given.n), given.n})
        passed = passes(given, ks)
        orders: dict[Score, Order] = {}
        for one in known:
            if one.score not in orders:
                orders[one.score] = order(one, given)
            found = curves(one, given, ks, passed, orders[one.score])
            blocks.append(_rows(one, given, ks, found, harness_id, now))
    return pa.concat_tables(blocks).combine_chunks()


def content_name(table: pa.Table) -> str:
    """`select-` and 16 hex digits over every column but the time and the order of recording.

    The order of the rows does not matter.
    """
    digest = hashlib.sha256()
    ordered = table.sort_by([(name, "ascending") for name in _KEY])
    for field in SELECTIONS:
        if field.name not in ("computed_at", "sequence"):
            digest.update(field.name.encode())
            for part in _bytes(ordered[field.name].cast(field.type).combine_chunks()):
                digest.update(part)
    return f"select-{digest.hexdigest()[:16]}"


def _bytes(column: Any) -> Iterator[bytes]:
    """All that a column holds: a few million rows are too many to print."""
    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        yield repr(encoded.dictionary.to_pylist()).encode()
        column = encoded.indices
    yield column.is_null().to_numpy(zero_copy_only=False).tobytes()
    nothing = pa.scalar(0).cast(column.type)
    yield column.fill_null(nothing).to_numpy(zero_copy_only=False).tobytes()


def _asked_harness(lake: Lake, run_id: str) -> str | None:
    """The harness whose verdicts `results` shows; None where it shows any."""
    rows = lake.sql("SELECT harness_id FROM runs_latest", [run_id]).to_pylist()
    return rows[0]["harness_id"] if rows else None


def _rows(
    strategy: Strategy,
    given: Batch,
    ks: Sequence[int],
    found: Curves,
    harness_id: str | None,
    now: datetime,
) -> pa.Table:
    """Problem by problem, at every k."""
    problems, size = len(given.draws), len(ks)
    by_problem = {
        "level": np.array([one.level for one in given.draws]),
        "problem_id": np.array([one.problem_id for one in given.draws]),
        "n_correct": given.correct.sum(axis=1),
        "applicable": np.array([one is Applicability.APPLICABLE for one in found.applicability]),
        "pick_sample_index": found.picks,
    }
    constant = {
        "run_id": given.draws[0].run_id,
        "strategy": strategy.name,
        "n": given.n,
        "computed_at": now,
        "harness_id": harness_id,
        "sequence": None,
    }
    suites = pa.array([one.suite for one in given.draws]).dictionary_encode()
    of_suite = pa.DictionaryArray.from_arrays(
        np.repeat(suites.indices.to_numpy(), size), suites.dictionary
    )
    columns: dict[str, Any] = {"k": np.tile(ks, problems), "suite": of_suite.dictionary_decode()}
    for field in SELECTIONS:
        if field.name in by_problem:
            values = np.repeat(by_problem[field.name], size)
            nothing = values < 0 if field.name == "pick_sample_index" else None
            columns[field.name] = pa.array(values, field.type, mask=nothing)
        elif field.name in constant:
            value = pa.scalar(constant[field.name], field.type)
            columns[field.name] = pa.repeat(value, problems * size)
        elif field.name in MEASURES:
            values = getattr(found, field.name).ravel()
            columns[field.name] = pa.array(values, field.type, mask=np.isnan(values))
    return pa.Table.from_pydict(columns, schema=SELECTIONS)
