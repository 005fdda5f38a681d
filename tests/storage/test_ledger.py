"""What a run holds, and so what resuming it skips."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from storage import Lake, QueryError, evaluated, parts, sampled
from storage.ledger import draws, judged
from storage.place import in_object_store
from tests.storage.make import candidate_row, evaluation_row, small_run


def test_the_ledger_of_a_run_is_its_own(lake: Lake) -> None:
    small_run(lake, "r1")
    lake.append("candidates", [candidate_row(9, 0, "a")], run_id="r2")
    assert sampled(lake, "r1") == {("s", 1, p, i) for p in (1, 2) for i in range(4)}
    assert sampled(lake, "r2") == {("s", 1, 9, 0)}
    assert sampled(lake, "none") == set()
    assert evaluated(lake, "r1", "h1") == {("s", 1, p, h) for p in (1, 2) for h in "abc"}
    assert evaluated(lake, "r1", "h1", ("s", 1, 2)) == {("s", 1, 2, h) for h in "abc"}
    assert evaluated(lake, "r1", "h1", ("s", 1, 3)) == set()
    assert evaluated(lake, "r1", "another harness") == set()


def test_a_harness_error_is_tried_again(lake: Lake) -> None:
    lake.append("candidates", [candidate_row(1, i, h) for i, h in enumerate("ab")], run_id="r")
    failed = [evaluation_row(1, source, status="harness_error") for source in "ab"]
    lake.append("evaluations", [*failed, evaluation_row(1, "b", status="timeout")], run_id="r")
    assert evaluated(lake, "r", "h1") == {("s", 1, 1, "b")}
    assert judged(lake, "r", "h1") == {("s", 1, 1, 1)}


def test_draws_come_in_the_order_they_are_named_in(lake: Lake) -> None:
    rows = [candidate_row(1, i, f"h{i}") | {"source": f"s{i}"} for i in (2, 0, 1)]
    lake.append("candidates", rows, run_id="r")
    assert draws(lake, "r", ("s", 1, 1), [2, 0]) == {2: ("h2", "s2"), 0: ("h0", "s0")}
    assert draws(lake, "r", ("s", 1, 1), [0, 9, 2]) == {0: ("h0", "s0"), 2: ("h2", "s2")}


def test_a_part_is_read_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    whole = parts.read_part

    def spy(path: Path, columns: tuple[str, ...]) -> pa.Table:
        read.append(path.name)
        return whole(path, columns)

    monkeypatch.setattr(parts, "read_part", spy)
    for index in range(3):
        lake.append("candidates", [candidate_row(1, index, "a")], run_id="r", part=str(index))
        assert len(sampled(lake, "r")) == index + 1
    assert read == ["part-0.parquet", "part-1.parquet", "part-2.parquet"]


def test_a_lake_made_anew_at_the_same_place_is_another(lake: Lake) -> None:
    lake.append("candidates", [candidate_row(1, 0, "a")], run_id="r", part="p")
    assert sampled(lake, "r") == {("s", 1, 1, 0)}
    if in_object_store(lake.root):
        for path in lake.root.rglob("part-*"):
            path.unlink()
    else:
        shutil.rmtree(lake.root)
    assert sampled(lake, "r") == set()
    lake.append("candidates", [candidate_row(2, 5, "b")], run_id="r", part="p")
    assert sampled(lake, "r") == {("s", 1, 2, 5)}


def test_a_broken_part_is_one_line(lake: Lake) -> None:
    path = lake.append("candidates", [candidate_row(1, 0, "a")], run_id="r")
    assert path is not None
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(QueryError, match=path.name) as refused:
        sampled(lake, "r")
    assert "\n" not in str(refused.value)
