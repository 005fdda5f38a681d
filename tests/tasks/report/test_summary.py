"""The terminal's table and the artifact's Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from storage import Lake, RunUnknownError
from tasks.report import as_markdown, as_table, gather, summary
from tests.tasks.report.synthetic import write_run


def shown(lake: Lake, *runs: str) -> str:
    console = Console(width=110, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(as_table(summary(gather(lake, runs))))
    return console.export_text()


def test_table_fits_a_terminal_and_ends_with_the_answer(demo: Lake) -> None:
    text = shown(demo, "demo")
    for name in ("oracle", "surprisal", "confidence", "random", "surprisal-top3", "random-top3"):
        assert name in text
    assert max(map(len, text.splitlines())) <= 110
    assert "…" not in text
    assert "If none can be timed, surprisal picks best" in " ".join(text.split())


def test_markdown_is_a_table_under_the_answer(demo: Lake) -> None:
    text = as_markdown(summary(gather(demo, ["demo"])))
    assert text.startswith("**Draw ")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert len(rows) == 2 + 7


def test_partial_runs_have_a_summary_too(tmp_path: Path) -> None:
    unjudged = write_run(tmp_path / "lake", evaluated=False)
    assert "none judged yet" in " ".join(shown(unjudged, "demo").split())
    assert "none judged yet" in as_markdown(summary(gather(unjudged, ["demo"])))


def test_an_unknown_run_is_named(demo: Lake) -> None:
    with pytest.raises(RunUnknownError, match="nosuch"):
        gather(demo, ["nosuch"])
