"""The report step: the page, and its summary as an artifact in Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from storage import Lake
from tasks.report import Report, as_markdown, build_report


def write_report(lake: Lake, run_ids: Sequence[str], out: Path) -> Report:
    """Build the page at `out` and leave its summary table in Prefect."""
    made = build_report(lake, run_ids, out)
    create_markdown_artifact(
        key="bon-summary",
        markdown=f"{as_markdown(made.summary)}\n\nReport: `{made.page}`",
        description=f"Strategies of {', '.join(run_ids)}",
    )
    return made


report = task(name="report", cache_policy=NO_CACHE, persist_result=False)(write_report)
