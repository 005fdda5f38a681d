"""A query reads the lake and does nothing else, unless it may write."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake, QueryError
from storage.confine import check_one_answer
from tests.storage.make import small_run


@pytest.fixture
def house(tmp_path: Path) -> Lake:
    lake = Lake.open(tmp_path / "it's a lake", create=True)
    small_run(lake)
    return lake


def refused(lake: Lake, query: str) -> None:
    with pytest.raises(QueryError) as error:
        lake.sql(query)
    assert "\n" not in str(error.value)
    assert "--write" in str(error.value)


def content(lake: Lake) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in lake.root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "query",
    [
        "COPY runs TO '{part}'",
        "COPY runs TO '{other}'",
        "COPY (SELECT 1) TO '{other}' (FORMAT csv)",
        "SELECT 1; COPY runs TO '{other}'",
        "EXPLAIN ANALYZE COPY runs TO '{other}'",
        "EXPLAIN (ANALYZE) COPY runs TO '{part}'",
        "explain /* */ analyse copy runs to '{part}'",
        "EXPORT DATABASE '{other}'",
        "ATTACH '{other}'",
        "CREATE TABLE mine AS SELECT 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "CALL enable_logging(storage = 'file', storage_path = '{other}')",
        "SELECT * FROM enable_logging(storage = 'file', storage_path = '{other}')",
        "CREATE PERSISTENT SECRET mine (TYPE s3)",
        "PRAGMA database_list",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_text('{outside}')",
        "FROM '{outside}'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'https://example.com/a.csv'",
        "SELECT * FROM sniff_csv('{outside}')",
    ],
)
def test_what_is_more_than_reading_the_lake_is_refused(
    house: Lake, tmp_path: Path, query: str
) -> None:
    outside = tmp_path / "mine.csv"
    outside.write_text("a\n1\n")
    (part,) = house.parts("runs", "r1")
    before = content(house)
    names = {"part": part, "other": tmp_path / "made", "outside": outside}
    refused(house, query.format(**{k: str(v).replace("'", "''") for k, v in names.items()}))
    assert content(house) == before
    assert {path.name for path in tmp_path.iterdir()} == {house.root.name, "mine.csv"}


@pytest.mark.parametrize(
    "query",
    [
        "FROM runs",
        "WITH a AS (SELECT * FROM results) SELECT count(*) FROM a",
        "PIVOT results ON status USING count(*) GROUP BY problem_id",
        "SUMMARIZE results",
        "DESCRIBE results",
        "SHOW TABLES",
        "EXPLAIN SELECT * FROM results",
        "VALUES (1)",
        "SELECT 1; SELECT 2",
        "SELECT * FROM best_of(2)",
        "SELECT now() AT TIME ZONE 'Europe/Berlin'",
        "SELECT 'COPY x TO ''y''' AS text",
    ],
)
def test_whatever_reads_is_answered(house: Lake, query: str) -> None:
    assert house.sql(query).num_rows


def test_an_object_store_is_read_as_well(bucket: str) -> None:
    lake = Lake.open(f"{bucket}/confined", create=True)
    small_run(lake)
    assert lake.sql("SELECT count(*) AS n FROM results")["n"].to_pylist() == [8]
    refused(lake, "SELECT * FROM read_text('/etc/passwd')")


def test_write_lifts_it(house: Lake, tmp_path: Path) -> None:
    target = tmp_path / "runs.csv"
    house.sql(f"COPY runs TO '{target}'", write=True)
    rows = house.sql(f"SELECT run_id FROM '{target}'", write=True)
    assert rows["run_id"].to_pylist() == ["r1"]


def test_no_file_below_the_current_directory_is_read(
    house: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB lays aside what memory lacks room for in `.tmp` there, and lets queries read that."""
    (tmp_path / ".tmp").mkdir()
    (tmp_path / ".tmp" / "x.txt").write_text("hidden")
    monkeypatch.chdir(tmp_path)
    refused(house, f"SELECT content FROM read_text('{tmp_path}/.tmp/x.txt')")


def test_several_questions_have_no_one_answer() -> None:
    for query in ("SELECT 1; SELECT 2", "LOAD x; FROM a; EXPLAIN FROM a"):
        with pytest.raises(QueryError, match="2 statements"):
            check_one_answer(query)
    for query in ("SELECT 1;", "LOAD x; SELECT 2", "SELEC", "PIVOT a ON b USING count(*)"):
        check_one_answer(query)
