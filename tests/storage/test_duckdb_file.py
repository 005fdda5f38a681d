"""The generated file opens the lake in the plain shell."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from storage import Lake
from storage.duckdb_file import follow_lake, write_duckdb_file
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


def shell_in(place: Path, text: str) -> duckdb.DuckDBPyConnection:
    """What `duckdb -init bon.sql` has, started in that directory."""
    shell = duckdb.connect()
    before = Path.cwd()
    os.chdir(place)
    try:
        shell.execute(text)
        shell.execute("CREATE TABLE found AS SELECT * FROM results")
    finally:
        os.chdir(before)
    return shell


def test_a_lake_that_was_moved_is_found(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "old")
    small_run(lake)
    path = write_duckdb_file(lake)
    with shell_in(tmp_path, path.read_text()) as shell:
        assert shell.execute("SELECT count(*) FROM found").fetchall() == [(8,)]
    moved = Lake(lake.root.rename(tmp_path / "it's [new]"))
    # As it is, where the shell is started in the lake; from anywhere after `bon sql`.
    with shell_in(moved.root, (moved.root / "bon.sql").read_text()) as shell:
        assert shell.execute("SELECT count(*) FROM found").fetchall() == [(8,)]
    follow_lake(moved)
    with shell_in(tmp_path, (moved.root / "bon.sql").read_text()) as shell:
        assert shell.execute("SELECT count(*) FROM found").fetchall() == [(8,)]


def test_following_writes_only_what_is_there_and_elsewhere(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    small_run(lake)
    follow_lake(lake)
    assert not (lake.root / "bon.sql").exists()
    before = write_duckdb_file(lake).stat()
    follow_lake(lake)
    assert (lake.root / "bon.sql").stat() == before
