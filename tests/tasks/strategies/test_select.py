"""Rows of `selections`, and that repeating a selection writes nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from storage import Lake
from storage.schemas import SELECTIONS
from tasks.strategies import strategies
from tasks.strategies.select import content_name, select_run
from tasks.strategies.step import write_selections
from tests.storage.make import candidate_row, evaluation_row
from tests.tasks.strategies.make import imported, random_rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.open(tmp_path / "lake", create=True)
    imported(lake, "r", random_rows(3, 6, seed=1), tmp_path)
    return lake


def select(lake: Lake) -> Path | None:
    rows = select_run(lake, "r")
    return lake.append("selections", rows, run_id="r", part=content_name(rows))


def test_every_strategy_at_every_k_on_every_problem(lake: Lake) -> None:
    rows = select_run(lake, "r")
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


def test_what_the_view_shows_has_the_name_of_what_was_written(lake: Lake) -> None:
    rows = select_run(lake, "r")
    write_selections(lake, "r")
    columns = ", ".join(SELECTIONS.names)
    shown = lake.sql(f"SELECT {columns} FROM selections_latest ORDER BY random()")
    assert content_name(shown) == content_name(rows)
    write_selections(lake, "r")
    assert len(lake.parts("selections", "r")) == 1
    for name in ("fast_1", "pick_sample_index", "applicable", "n", "speedup_mean"):
        at = rows.schema.get_field_index(name)
        other = pa.array([None, *rows[name].to_pylist()[1:]], rows[name].type)
        if rows[name].type == pa.bool_():
            other = pc.invert(rows[name])
        assert content_name(rows.set_column(at, SELECTIONS.field(name), other)) != content_name(
            rows
        )


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
