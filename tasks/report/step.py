"""The report step: the page, and its summary as an artifact in Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from storage import Lake
from tasks.report import build_report, summary_markdown


def write_report(lake: Lake, run_ids: Sequence[str], out: Path) -> Path:
    """Build the page at `out` and leave its summary table in Prefect; returns the page's path."""
    page = build_report(lake, run_ids, out)
    create_markdown_artifact(
        key="bon-summary",
        markdown=f"{summary_markdown(lake, run_ids)}\n\nReport: `{page}`",
        description=f"Strategies of {', '.join(run_ids)}",
    )
    return page


report = task(name="report", cache_policy=NO_CACHE, persist_result=False)(write_report)
