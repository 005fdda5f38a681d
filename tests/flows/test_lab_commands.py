"""The laboratory from the command line: import, then strategies and report at once."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage import Lake
from tests.tasks.strategies.make import random_rows


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("import")
    lines = ["problem_id,sample_index,mean_logprob,correct,speedup"]
    lines += [
        ",".join("" if value is None else str(value) for value in row)
        for row in random_rows(4, 8, seed=3)
    ]
    (folder / "theirs.csv").write_text("\n".join(lines) + "\n")
    done = run("import", str(folder / "theirs.csv"), "--run", "theirs", lake=folder / "lake")
    assert "32 candidates imported" in done
    return folder / "lake"


def run(*words: str, lake: Path) -> str:
    result = CliRunner().invoke(app, [*words, "--lake", str(lake)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_import_has_its_selections_and_opens_in_the_plain_shell(imported: Path) -> None:
    rows = Lake(imported).sql("SELECT DISTINCT strategy, k FROM selections_latest").to_pylist()
    assert {row["k"] for row in rows} == {1, 2, 4, 8}
    assert {row["strategy"] for row in rows} >= {"oracle", "surprisal", "random-top3"}
    with duckdb.connect() as shell:
        shell.execute((imported / "bon.sql").read_text())
        assert shell.execute("SELECT count(*) FROM best_of(4)").fetchall() == [(4,)]


def test_the_report_for_machines_is_one_document(imported: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    document = json.loads(run("report", "theirs", "--json", "--out", str(page), lake=imported))
    assert document["runs"] == ["theirs"]
    assert document["page"] == str(page)
    assert page.stat().st_size > 100_000
    assert not (imported / "reports").exists()


def test_a_score_of_ones_own_and_the_ledger(imported: Path) -> None:
    text = run("strategies", "theirs", "--score", "twice=2*mean_logprob", "--json", lake=imported)
    known = json.loads(text)["strategies"]
    assert known["twice"]["k"]["4"] == known["confidence"]["k"]["4"]
    stages = json.loads(run("strategies", "theirs", "--ledger", "--json", lake=imported))
    assert {row["stage"] for row in stages} >= {"sampling"}


def test_speedups_of_incorrect_draws_are_left_out_and_counted(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [f"1,{i},-{i + 1}.0,{i % 2 == 0},{1.5 if i < 6 else ''}" for i in range(8)]
    rows[6] = "1,6,-7.0,True,2.0"
    table.write_text("problem_id,sample_index,mean_logprob,correct,speedup\n" + "\n".join(rows))
    done = run("import", str(table), "--run", "wrong", lake=tmp_path / "lake")
    said = (
        "8 candidates imported, 4 of them incorrect "
        "(the speedups that 3 of these give are left out)"
    )
    assert f"{said}; next:" in done
    again = run("import", str(table), "--run", "wrong", lake=tmp_path / "lake")
    assert said in again
