"""Lakes that several tests read; none writes to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tasks.report import build_report
from tasks.strategies.step import write_selections
from tests.tasks.report.synthetic import write_run


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """One finished run over 12 problems, selections stored."""
    lake = write_run(tmp_path_factory.mktemp("demo") / "lake")
    write_selections(lake, "demo")
    return lake


@pytest.fixture(scope="session")
def page(demo: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report."""
    return build_report(demo, ["demo"], tmp_path_factory.mktemp("page") / "report.html").page
