"""A lake that an earlier release wrote: fewer columns, no checksums."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from storage import Lake, evaluated, sampled
from storage.commit import commit, discard_uncommitted
from storage.duckdb_file import write_duckdb_file
from storage.schemas import TABLES
from storage.verify import verify
from tests.storage.make import candidate_row, evaluation_row, run_row

DATA = Path(__file__).parent / "data" / "lake_0_1"
"""Written by commit e9bce90: one run, two problems of four draws each, the last one wrong."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    shutil.copytree(DATA, tmp_path / "lake")
    return Lake.open(tmp_path / "lake")


@pytest.mark.parametrize("markers", [True, False])
def test_it_reads_alone_and_beside_todays_parts(lake: Lake, markers: bool) -> None:
    if not markers:  # as before there were any
        for path in lake.root.rglob(".columns-*"):
            path.unlink()
    for first in ("0", "z"):
        assert lake.results(["r1"])["speedup"].to_pylist() == [1.5, 1.5, 0.5, None] * 2
        assert sampled(lake, "r1") == {("s", 1, p, i) for p in (1, 2) for i in range(4)}
        assert len(evaluated(lake, "r1", "h1")) == 6
        assert lake.sql("SELECT count(*) AS n FROM token_logprobs")["n"].to_pylist() == [8]
        for table, schema in TABLES.items():
            assert lake.sql(f"SELECT * FROM {table}").schema.names == schema.names
        lake.append("runs", [run_row("r2")], run_id="r2", part=first)
        commit(lake, "r2", first, {"candidates": [candidate_row(1, 0, first)]})
        commit(lake, "r2", first, {"evaluations": [evaluation_row(1, first)]})
        assert len(lake.sql("SELECT * FROM results WHERE status = 'correct'")) == 6 + len(
            lake.parts("evaluations", "r2")
        )
    assert discard_uncommitted(lake, "r1") == 0
    with duckdb.connect() as shell:
        shell.execute(write_duckdb_file(lake).read_text())
        assert shell.execute("SELECT count(*) FROM results").fetchall() == [(10,)]


def test_it_is_resumed(lake: Lake) -> None:
    with lake.run_lock("r1"):
        assert discard_uncommitted(lake, "r1") == 0
        commit(lake, "r1", "more", {"candidates": [candidate_row(1, 4, "new")]})
    assert len(lake.results(["r1"])) == 9
    assert len(sampled(lake, "r1")) == 9


def test_what_carries_no_checksum_is_counted(lake: Lake) -> None:
    old = len(list(lake.root.rglob("part-*")))
    lake.append("runs", [run_row("r2")], run_id="r2")
    found = verify(lake)
    assert (found.checked, found.unchecked, found.damages) == (1, old, ())
