"""A run that goes on on other hardware says so in one line."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from flows.hardware import measured_on, tell_of_others
from flows.summary import summarise
from tasks.report import build_report
from tests.tasks.report.synthetic import write_run


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ([], ["A"], None),
        (["A"], ["A"], None),
        (["A"], ["B"], "was measured on A until now, and goes on on B"),
        (["A", "B"], ["B"], "was measured on A until now, and goes on on B"),
        ([], ["A", "B"], "on unlike machines (A, B)"),
        (["A"], [], None),
    ],
)
def test_one_line_if_machines_differ(
    caplog: pytest.LogCaptureFixture, before: list[str], now: list[str], said: str | None
) -> None:
    logging.getLogger("prefect").propagate = True
    with caplog.at_level(logging.WARNING):
        tell_of_others("r", before, now)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == (said is not None)
    assert said is None or said in lines[0]


def test_machines_of_a_run(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", machines=("A", "B"))
    harness = lake.sql("SELECT harness_id FROM runs", ["demo"]).to_pylist()[0]["harness_id"]
    assert measured_on(lake, "demo", harness) == ["A", "B"]
    report = build_report(lake, ["demo"], tmp_path / "report.html")
    assert "Measured on unlike machines: demo" in report.page.read_text()
    assert summarise(lake, "demo", report, 0).machines == ["A", "B"]
    one = write_run(tmp_path / "other", machines=("A",))
    assert "unlike machines" not in build_report(one, ["demo"], tmp_path / "r2").page.read_text()
    earlier = write_run(tmp_path / "earlier", machines=())
    assert summarise(earlier, "demo", report, 0).machines == []
