"""What judging took: the judge's work, not its wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tests.storage.make import candidate_row, evaluation_row, run_row

WORKED = {
    "compile_seconds": 1.0,
    "draw_seconds": 0.25,
    "check_seconds": 0.75,
    "time_seconds": 3.0,
    "timeout_s": 20.0,
}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def seconds(lake: Lake, *rows: dict[str, object]) -> list[tuple[float | None, float]]:
    lake.append(
        "evaluations", [evaluation_row(1, f"h{i}") | one for i, one in enumerate(rows)], run_id="r"
    )
    found = lake.sql(
        "SELECT judge_seconds(e) AS judge, judge_gpu_seconds(e) AS gpu FROM evaluations e "
        "ORDER BY source_hash"
    )
    return list(zip(found["judge"].to_pylist(), found["gpu"].to_pylist(), strict=True))


def test_verdicts_that_overlap_add_up_to_no_more_than_the_time_that_passed(lake: Lake) -> None:
    """The second one waits for 5 s until the device is free."""
    passed = 10.0
    both = [WORKED | {"wall_seconds": wall, "device": "cuda:0"} for wall in (5.0, passed)]
    found = seconds(lake, *both)
    assert sum(judge or 0 for judge, _ in found) == passed
    assert sum(gpu for _, gpu in found) == passed - 2 * WORKED["compile_seconds"]


def test_where_a_stage_was_not_recorded_all_the_time_counts(lake: Lake) -> None:
    before = WORKED | {"draw_seconds": None, "wall_seconds": 9.0}
    imported: dict[str, object] = {"device": "cuda:0"}
    found = seconds(lake, before | {"device": "cuda:0"}, before | {"device": "cpu"}, imported)
    assert found == [(9.0, 9.0), (9.0, 0.0), (None, None)]


@pytest.mark.parametrize(("wall", "counted"), [(60.0, 25.0), (22.0, 22.0)])
def test_a_timeout_counts_its_limit(lake: Lake, wall: float, counted: float) -> None:
    """No stage has the seconds of a call that never ended."""
    hung = WORKED | {"status": "timeout", "wall_seconds": wall, "device": "cuda:0"}
    assert seconds(lake, hung) == [(counted, counted - 1.0)]


def test_the_views_of_draws_say_the_same(lake: Lake) -> None:
    lake.append("runs", [run_row("r")], run_id="r")
    lake.append("candidates", [candidate_row(1, 0, "h0")], run_id="r")
    ((judge, _),) = seconds(lake, WORKED | {"wall_seconds": 8.0, "device": "cpu"})
    for view in ("results", "judged"):
        assert lake.sql(f"SELECT judge_seconds FROM {view}")["judge_seconds"].to_pylist() == [judge]
