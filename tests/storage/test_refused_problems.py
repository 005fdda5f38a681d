"""The view `refused_problems`: what the judge refused and never took."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import Lake

KEY = {"suite": "s", "level": 1, "problem_id": 7}
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def refuse(lake: Lake, reason: str, harness: str = "h") -> None:
    row = KEY | {"problem_hash": "p", "harness_id": harness, "reason": reason, "refused_at": NOW}
    lake.append("refusals", [row], run_id="r")


def ask(lake: Lake, harness: str) -> None:
    row = {"created_at": NOW, "kind": "sweep", "suite": "s", "k": 2, "config": "{}"}
    lake.append("runs", [row | {"versions": "{}", "harness_id": harness}], run_id="r")


def judge(lake: Lake, source: str, status: str) -> None:
    row = KEY | {"evaluation_id": source + status, "source_hash": source, "harness_id": "h"}
    row |= {"status": status, "compiled": True, "correct": status == "correct", "fast_1": False}
    row |= {"trials": 0, "findings": [], "sandbox": [], "evaluated_at": NOW}
    lake.append("evaluations", [row], run_id="r")


def told(lake: Lake) -> list[tuple[str, int]]:
    rows = lake.sql("SELECT reason, draws FROM refused_problems", ["r"]).to_pylist()
    return [(row["reason"], row["draws"]) for row in rows]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A run of two draws on problem 7, judged by harness `h`."""
    made = Lake.open(tmp_path / "lake", create=True)
    ask(made, "h")
    draws = [
        KEY | {"sample_index": index, "source_hash": source, "created_at": NOW}
        for index, source in enumerate(("a", "b"))
    ]
    made.append("candidates", draws, run_id="r")
    return made


def test_the_latest_reason_counts_once(lake: Lake) -> None:
    assert told(lake) == []
    refuse(lake, "its outputs are constant")
    refuse(lake, "get_inputs never ends")
    assert told(lake) == [("get_inputs never ends", 2)]


def test_draws_with_a_verdict_are_not_refused_ones(lake: Lake) -> None:
    refuse(lake, "out of room")
    judge(lake, "a", "incorrect")
    assert told(lake) == [("out of room", 1)]
    judge(lake, "b", "harness_error")
    assert told(lake) == [("out of room", 1)]
    judge(lake, "b", "correct")
    assert told(lake) == []


def test_a_refusal_belongs_to_its_harness(lake: Lake) -> None:
    refuse(lake, "too large for the GPU", harness="gpu")
    assert told(lake) == []
    ask(lake, "gpu")
    assert told(lake) == [("too large for the GPU", 2)]
