"""Rows of `selections`, and that repeating a selection writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from storage.schemas import SELECTIONS
from tasks.strategies import strategies
from tasks.strategies.select import select_run
from tests.storage.make import candidate_row, evaluation_row
from tests.tasks.strategies.make import imported, random_rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.open(tmp_path / "lake", create=True)
    imported(lake, "r", random_rows(3, 6, seed=1), tmp_path)
    return lake


def select(lake: Lake) -> Path | None:
    rows, part = select_run(lake, "r")
    return lake.append("selections", rows, run_id="r", part=part)


def test_every_strategy_at_every_k_on_every_problem(lake: Lake) -> None:
    rows, _ = select_run(lake, "r")
    assert rows.schema == SELECTIONS
    keys = {
        (row["strategy"], row["k"], row["problem_id"])
        for row in rows.select(["strategy", "k", "problem_id"]).to_pylist()
    }
    assert len(keys) == len(rows) == len(strategies()) * 4 * 3
    assert {k for _, k, _ in keys} == {1, 2, 4, 6}


def test_repeating_it_writes_nothing(lake: Lake) -> None:
    assert select(lake) is not None
    assert select(lake) is None


def test_new_verdicts_make_a_new_selection_and_the_view_shows_it(lake: Lake) -> None:
    select(lake)
    lake.append("candidates", [candidate_row(1, 6, "new") | {"suite": "imported"}], run_id="r")
    verdict = evaluation_row(1, "new", speedup=1000.0) | {"suite": "imported"}
    lake.append("evaluations", [verdict], run_id="r")
    assert select(lake) is not None
    oracle = lake.sql(
        "SELECT k, n, pick_sample_index, fast_1 FROM selections_latest "
        "WHERE strategy = 'oracle' AND problem_id = 1 AND k IN (4, 7) ORDER BY k"
    ).to_pylist()
    assert [(row["k"], row["n"], row["pick_sample_index"]) for row in oracle] == [
        (4, 7, 6),
        (7, 7, 6),
    ]
    assert oracle[1]["fast_1"] == 1.0
