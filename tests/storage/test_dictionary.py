"""Every column says what it holds: in its part, in DuckDB's catalogue and in the docs."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from storage import Lake
from storage.dictionary import markdown, result_columns
from storage.duckdb_file import write_duckdb_file
from storage.fields import comment
from storage.schemas import TABLES
from storage.views import VIEWS
from tests.storage.make import small_run

DOCS = Path(__file__).parents[2] / "docs" / "lake.md"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    small_run(lake)
    return lake


def test_every_column_has_a_comment_of_one_line() -> None:
    for schema in TABLES.values():
        for field in schema:
            assert comment(field).endswith("."), field
            assert "\n" not in comment(field)


def test_the_docs_show_the_columns() -> None:
    assert markdown() in DOCS.read_text(encoding="utf-8")


def test_a_part_carries_the_comments(lake: Lake) -> None:
    (path,) = lake.parts("runs", "r1")
    schema = pq.read_schema(path)
    for field in schema:
        assert comment(field) == comment(TABLES["runs"].field(field.name))


def test_the_catalogue_carries_the_comments(lake: Lake) -> None:
    assert lake.sql("SELECT * FROM results").column_names == [*result_columns()]
    with duckdb.connect() as shell:
        shell.execute(write_duckdb_file(lake).read_text())
        bare = shell.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            f"WHERE comment IS NULL AND table_name IN {(*TABLES, 'results')}"
        ).fetchall()
        assert bare == []
        said = shell.execute(
            f"SELECT count(*) FROM duckdb_views() WHERE comment <> '' AND view_name IN {VIEWS}"
        ).fetchall()
        assert said == [(len(VIEWS),)]
    found = lake.sql(
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'results' AND comment IS NOT NULL"
    )
    assert len(found) == len(result_columns())
