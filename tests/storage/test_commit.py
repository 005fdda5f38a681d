"""Companion tables never stay without the rows that they belong to."""

from __future__ import annotations

from storage import Lake
from storage.commit import commit, discard_uncommitted
from tests.storage.make import evaluation_row

TIMING = {
    "suite": "s",
    "level": 1,
    "problem_id": 1,
    "evaluation_id": "e",
    "source_hash": "a",
    "candidate_ms": [1.0],
    "reference_ms": [2.0],
}


def test_only_what_was_never_committed_is_discarded(lake: Lake) -> None:
    commit(lake, "r", "p1", {"evaluations": [evaluation_row(1, "a")], "timings": [TIMING]})
    lake.append("timings", [TIMING], run_id="r", part="p2")
    assert discard_uncommitted(lake, "r") == 1
    assert discard_uncommitted(lake, "r") == 0
    assert lake.sql("SELECT count(*) AS n FROM timings")["n"].to_pylist() == [1]
