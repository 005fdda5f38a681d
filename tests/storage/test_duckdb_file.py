"""The generated file opens the lake in the plain shell."""

from __future__ import annotations

from pathlib import Path

import duckdb

from storage import Lake
from storage.duckdb_file import write_duckdb_file
from tests.storage.make import small_run


def test_the_file_alone_gives_every_view(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "it's [a] lake")
    small_run(lake)
    text = write_duckdb_file(lake).read_text()
    with duckdb.connect() as shell:
        shell.execute(text)
        assert shell.execute("SELECT count(*) FROM results").fetchall() == [(8,)]
        assert shell.execute("SELECT candidates FROM run_summary").fetchall() == [(8,)]
        assert shell.execute("SELECT count(*) FROM selections").fetchall() == [(0,)]


def test_writing_it_again_replaces_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    before = write_duckdb_file(lake).read_text()
    small_run(lake)
    assert write_duckdb_file(lake).read_text() != before
    assert sorted(path.name for path in tmp_path.glob("*.sql")) == ["bon.sql"]
