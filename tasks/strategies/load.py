"""Draws from the lake, grouped by run and problem without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage import Lake
from tasks.errors import RequestError
from tasks.strategies.base import Draws

_QUERY = files("tasks.strategies").joinpath("draws.sql").read_text(encoding="utf-8")


def load_draws(lake: Lake, run_ids: Sequence[str]) -> list[Draws]:
    """One `Draws` per run and problem with a verdict, in order of (run, suite, level, problem).

    Raises storage's RunUnknownError for a run that is not there, RequestError if none is named.
    """
    if not run_ids:
        raise RequestError("no run named; `bon runs` lists them")
    lake.check_runs(run_ids)
    rows = lake.sql(_QUERY, run_ids)
    if not len(rows):
        return []
    columns = {name: _numpy(rows[name]) for name in rows.column_names}
    starts = np.append(_starts(columns), len(rows)).tolist()
    return [_draws(rows, columns, slice(a, b)) for a, b in pairwise(starts)]


def _numpy(column: pa.ChunkedArray[Any]) -> NDArray[Any]:
    """Nulls of numbers become NaN; of text only the codes are kept."""
    if pa.types.is_string(column.type):
        return np.asarray(column.combine_chunks().dictionary_encode().indices)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _starts(columns: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Where another problem or run begins, in rows that are ordered by them."""
    keys = ("run_id", "suite", "level", "problem_id")
    changed = np.any([columns[key][1:] != columns[key][:-1] for key in keys], axis=0)
    return np.flatnonzero(np.append(True, changed))


def _draws(rows: pa.Table, columns: dict[str, NDArray[Any]], at: slice) -> Draws:
    correct = columns["correct"][at]
    return Draws(
        run_id=str(rows["run_id"][at.start].as_py()),
        suite=str(rows["suite"][at.start].as_py()),
        level=int(columns["level"][at.start]),
        problem_id=int(columns["problem_id"][at.start]),
        sample_index=columns["sample_index"][at],
        n_tokens=columns["n_tokens"][at],
        sum_logprob=columns["sum_logprob"][at],
        mean_logprob=columns["mean_logprob"][at],
        correct=correct,
        fast_1=columns["fast_1"][at],
        speedup=np.where(correct, columns["speedup"][at], np.nan),
    )
