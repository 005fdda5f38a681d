"""The report for machines says what the page says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import Lake, RunUnknownError
from tasks.errors import RequestError
from tasks.report import report_document
from tests.tasks.report.synthetic import write_run


def test_it_is_json_and_holds_answer_numbers_tables_and_sql(demo: Lake) -> None:
    document = report_document(demo, ["demo", "demo"])
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again["runs"] == ["demo"]
    assert again["answer"]["lead"].startswith("Draw")
    assert {point["question"] for point in again["answer"]["points"]} >= {"How many samples?"}
    assert again["strategies"]["problems"] == 12
    assert {row["stage"] for row in again["ledger"]} >= {"sampling", "judge: time"}
    names = [section["name"] for section in again["sections"]]
    assert len(names) == len(set(names)) == 17
    for section in again["sections"]:
        for table in section["tables"]:
            assert all(len(row) == len(table["columns"]) for row in table["rows"])
            assert all(isinstance(cell, str) for row in table["rows"] for cell in row)
    prices = next(section for section in again["sections"] if section["name"] == "price")
    assert len(demo.sql(prices["sql"])) > 0


def test_runs_without_a_verdict_have_one_too(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", evaluated=False)
    document = report_document(lake, ["demo"])
    assert document["strategies"]["problems"] == 0
    assert "none judged yet" in document["answer"]["lead"]


def test_it_refuses_what_it_cannot_do(demo: Lake) -> None:
    with pytest.raises(RequestError, match="at least one run"):
        report_document(demo, [])
    with pytest.raises(RunUnknownError, match="nosuch"):
        report_document(demo, ["nosuch"])
