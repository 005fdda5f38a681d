"""Every query that a page prints runs as printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tasks.report.query import OF_ARMS, names, query
from tasks.strategies.step import write_selections
from tests.tasks.report.synthetic import write_run

ALWAYS = {"coverage", "picks", "problems", "quartiles", "references", "runs", "scaling", "status"}


@pytest.mark.parametrize("name", names())
def test_runs_over_a_finished_run(tmp_path: Path, name: str) -> None:
    lake = write_run(tmp_path / "lake", refused=[28])
    write_selections(lake, "demo")
    assert bool(len(lake.sql(query(name, ["demo"]).text))) is (name not in OF_ARMS)


@pytest.mark.parametrize("name", names())
def test_runs_over_a_lake_without_tables(tmp_path: Path, name: str) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    assert len(lake.sql(query(name, ["demo"]).text)) == 0


def test_takes_only_the_runs_that_were_asked_for(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", "asked", problems=[5])
    write_run(lake.root, "other", problems=[5, 36])
    for name in ALWAYS:
        answered = lake.sql(query(name, ["asked"]).text)
        alone = lake.sql(query(name, ["asked"]).text, ["asked"])
        assert answered.num_rows == alone.num_rows > 0, name


def test_quotes_run_ids() -> None:
    assert "('it''s', 'b')" in query("status", ["it's", "b"]).text
    assert "$runs" not in query("status", ["a"]).text


def test_a_page_holds_no_more_dots_than_it_can_show(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", problems=[5, 36], k=4500)
    answered = lake.sql(query("surprisal", ["demo"]).text)
    assert answered.num_rows == 4000
    assert answered.equals(lake.sql(query("surprisal", ["demo"]).text))
