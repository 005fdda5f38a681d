"""Numbers leave as numbers, no column is lost, and a terminal of 80 columns shows them all."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from flows.cli import printing

QUERY = """
    SELECT sum(i) AS total, 1.50::DECIMAL(5, 2) AS price, 7::DECIMAL(5, 2) AS whole,
        10000000000000000000000001::HUGEINT AS huge, 9007199254740993 AS id, 'nan'::DOUBLE AS nan,
        [1.5::DECIMAL(4, 1), NULL] AS list, {'x': 1, 'b': 'z'::BLOB} AS struct,
        INTERVAL '3 days' AS span, 'ab'::BLOB AS bytes, 1 AS a, 2 AS a, 3 AS a_1
    FROM range(4) AS r(i)
"""


def asked(query: str = QUERY) -> pa.Table:
    with duckdb.connect() as connection:
        return connection.sql(query).to_arrow_table()


def test_json_has_numbers_and_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_rows(asked())
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {
        "total": 6,
        "price": 1.5,
        "whole": 7,
        "huge": 10**25 + 1,
        "id": 9007199254740993,
        "nan": None,
        "list": [1.5, None],
        "struct": {"x": 1, "b": "7a"},
        "span": "0 months 3 days 0.000 s",
        "bytes": "6162",
        "a": 1,
        "a_2": 2,
        "a_1": 3,
    }
    printing.print_rows(asked("SELECT 1 AS a WHERE false"))
    assert json.loads(capsys.readouterr().out) == []


def test_csv_has_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_csv(asked())
    header, row = csv.reader(io.StringIO(capsys.readouterr().out))
    assert header == [*asked().column_names]
    assert header[-3:] == ["a", "a", "a_1"]
    assert row[:5] == ["6", "1.50", "7.00", str(10**25 + 1), "9007199254740993"]
    assert json.loads(row[6]) == [1.5, None]
    assert json.loads(row[7]) == {"x": 1, "b": "7a"}
    assert row[8:] == ["0 months 3 days 0.000 s", "6162", "1", "2", "3"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, query: str) -> list[str]:
    """The lines in a terminal of 80 columns."""
    terminal: Any = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    for name, value in (("COLUMNS", "80"), ("LINES", "24"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    printing.print_table(asked(query))
    lines = str(terminal.getvalue()).splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def test_more_columns_than_fit_become_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"a_rather_long_name_{i:02}" for i in range(40)]
    listed = ", ".join(f"{i} AS {name}" for i, name in enumerate(names))
    text = "\n".join(shown(monkeypatch, f"SELECT {listed} FROM range(2)"))
    assert text.count("row ") == 2
    for name in names:
        assert text.count(name) == 2


def test_a_table_that_fits_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, f"SELECT 1 AS a, '{'long ' * 100}' AS text, 2 AS b FROM range(2)")
    assert sum("long long" in line for line in lines) == 2
    assert not any(line.startswith("row ") for line in lines)
