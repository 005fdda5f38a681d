"""Draws from the lake, grouped by run and problem without a loop over rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage import Lake, QueryError
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws
from tasks.strategies.expression import ScoreExpression

TOKEN_FEATURES = ("lowest_tenth", "lowest_window")
"""Columns that `token_features.sql` makes of the token log-probabilities."""

_KEYS = "run_id, suite, level, problem_id, sample_index"


def load_draws(
    lake: Lake,
    run_ids: Sequence[str],
    *,
    needs: Iterable[str] = (),
    scores: Sequence[ScoreExpression] = (),
) -> list[Draws]:
    """One `Draws` per run and problem with a verdict, in order of (run, suite, level, problem).

    `needs` are columns for `Draws.columns`: `TOKEN_FEATURES`, or numeric ones of `results`; what
    neither has is left out, and strategies that need it abstain. `scores` are columns as well.

    Raises storage's RunUnknownError for a run that is not there, RequestError if none is named or
    if a score is no expression over `results`.
    """
    if not run_ids:
        raise RequestError("no run named; `bon runs` lists them")
    lake.check_runs(run_ids)
    extra = {one.name: f"({one.sql})::DOUBLE" for one in scores}
    wanted = [name for name in dict.fromkeys(needs) if name not in extra]
    tokens = any(name in TOKEN_FEATURES for name in wanted)
    if wanted:
        known = {*lake.sql("SELECT * FROM results LIMIT 0", run_ids).column_names, *TOKEN_FEATURES}
        extra |= {name: f"{_quoted(name)}::DOUBLE" for name in wanted if name in known}
    try:
        rows = lake.sql(_query(extra, tokens=tokens), run_ids)
    except QueryError as error:
        if not scores:
            raise
        texts = ", ".join(repr(one.sql) for one in scores)
        raise RequestError(f"--score {texts} is no number over results: {error}") from error
    if not len(rows):
        return []
    columns = {name: _numpy(rows[name]) for name in rows.column_names}
    starts = np.append(_starts(columns), len(rows))
    first = pa.array(starts[:-1])
    names = zip(*(rows[name].take(first).to_pylist() for name in ("run_id", "suite")), strict=True)
    return [
        _draws(run_id, suite, columns, slice(a, b), list(extra))
        for (run_id, suite), (a, b) in zip(names, pairwise(starts.tolist()), strict=True)
    ]


def _query(extra: dict[str, str], *, tokens: bool) -> str:
    columns = "".join(
        f",\n    CASE WHEN isfinite({sql}) THEN {sql} END AS {_quoted('score ' + name)}"
        for name, sql in extra.items()
    )
    joins = f"\nLEFT JOIN (\n{_text('token_features')}) USING ({_KEYS})" if tokens else ""
    return _text("draws").replace("$columns", columns).replace("$joins", joins)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@cache
def _text(name: str) -> str:
    return files("tasks.strategies").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _numpy(column: pa.ChunkedArray[Any]) -> NDArray[Any]:
    """Nulls of numbers become NaN, of truths false; of text only the codes are kept."""
    if pa.types.is_string(column.type):
        return np.asarray(column.combine_chunks().dictionary_encode().indices)
    if pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False) == True)  # noqa: E712  (null)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _starts(columns: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Where another problem or run begins, in rows that are ordered by them."""
    keys = ("run_id", "suite", "level", "problem_id")
    changed = np.any([columns[key][1:] != columns[key][:-1] for key in keys], axis=0)
    return np.flatnonzero(np.append(True, changed))


def _draws(
    run_id: str, suite: str, columns: dict[str, NDArray[Any]], at: slice, extra: Sequence[str]
) -> Draws:
    def floats(name: str) -> Floats:
        return np.asarray(columns[name][at], np.float64)

    return Draws(
        run_id=run_id,
        suite=suite,
        level=int(columns["level"][at.start]),
        problem_id=int(columns["problem_id"][at.start]),
        sample_index=columns["sample_index"][at],
        n_tokens=floats("n_tokens"),
        sum_logprob=floats("sum_logprob"),
        mean_logprob=floats("mean_logprob"),
        correct=columns["correct"][at],
        fast_1=columns["fast_1"][at],
        speedup=floats("speedup"),
        flagged=columns["flagged"][at],
        unsettled=columns["unsettled"][at],
        judge_seconds=floats("judge_seconds"),
        columns={name: floats("score " + name) for name in extra},
    )
