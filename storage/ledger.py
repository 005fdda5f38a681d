"""What a run already holds: the ledger that resuming and extending go by.

Asked for every shard of a sweep, so it reads each part once and no view.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from storage.lake import Lake
from storage.parts import parts_of, read_part

ProblemKey = tuple[str, int, int]
"""(suite, level, problem_id)"""

DrawKey = tuple[str, int, int, int]
"""(suite, level, problem_id, sample_index)"""

SourceKey = tuple[str, int, int, str]
"""(suite, level, problem_id, source_hash)"""

_PROBLEM = ("suite", "level", "problem_id")
_DRAW = (*_PROBLEM, "sample_index", "source_hash")
_VERDICT = (*_PROBLEM, "source_hash", "harness_id", "status")


def sampled(lake: Lake, run_id: str, problem: ProblemKey | None = None) -> set[DrawKey]:
    """Every draw (of one problem) that the run holds."""
    return {
        (*key, index)
        for part in _candidates(lake, run_id).values()
        for key in ([problem] if problem else part)
        for index, _ in part.get(key, ())
    }


def evaluated(
    lake: Lake, run_id: str, harness_id: str, problem: ProblemKey | None = None
) -> set[SourceKey]:
    """Every source (of one problem) that the run has a verdict on from this harness.

    A `harness_error` is no verdict: what has nothing better is left out, and so tried again.
    """
    verdicts = parts_of(lake.root, "evaluations", run_id, _VERDICT, _verdicts)
    return {
        (*key, source_hash)
        for part in verdicts.look().values()
        for key in ([problem] if problem else part)
        for source_hash, harness in part.get(key, ())
        if harness == harness_id
    }


def judged(lake: Lake, run_id: str, harness_id: str) -> set[DrawKey]:
    """Every draw whose source has a verdict from this harness (see `evaluated`)."""
    done = evaluated(lake, run_id, harness_id)
    return {
        (*problem, index)
        for part in _candidates(lake, run_id).values()
        for problem, drawn in part.items()
        for index, source_hash in drawn
        if (*problem, source_hash) in done
    }


def draws(
    lake: Lake, run_id: str, problem: ProblemKey, sample_indices: Sequence[int]
) -> dict[int, tuple[str, str]]:
    """(source_hash, source) of these draws of one problem, by their numbers and in that order;
    those that the run does not hold are left out."""
    wanted = set(sample_indices)
    found: dict[int, tuple[str, str]] = {}
    for path, part in _candidates(lake, run_id).items():
        if any(index in wanted for index, _ in part.get(problem, ())):
            for *key, index, source_hash, source in _rows(read_part(path, (*_DRAW, "source"))):
                if tuple(key) == problem and index in wanted:
                    found[index] = (source_hash, source)
    return {index: found[index] for index in dict.fromkeys(sample_indices) if index in found}


def _candidates(lake: Lake, run_id: str) -> dict[Path, dict[ProblemKey, list[tuple[int, str]]]]:
    return parts_of(lake.root, "candidates", run_id, _DRAW, _drawn).look()


def _drawn(part: pa.Table) -> dict[ProblemKey, list[tuple[int, str]]]:
    grouped: dict[ProblemKey, list[tuple[int, str]]] = {}
    for suite, level, problem_id, index, source_hash in _rows(part):
        grouped.setdefault((suite, level, problem_id), []).append((index, source_hash))
    return grouped


def _verdicts(part: pa.Table) -> dict[ProblemKey, list[tuple[str, str | None]]]:
    grouped: dict[ProblemKey, list[tuple[str, str | None]]] = {}
    for suite, level, problem_id, source_hash, harness_id, status in _rows(part):
        if status != "harness_error":
            grouped.setdefault((suite, level, problem_id), []).append((source_hash, harness_id))
    return grouped


def _rows(part: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in part.columns), strict=True)
