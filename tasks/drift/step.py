"""The drift step: what moved overnight as an artifact in Prefect; a failure if something did."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from storage import Lake
from tasks.drift.compute import drift
from tasks.drift.document import DriftDocument
from tasks.drift.words import as_markdown
from tasks.errors import NightChangedError, TooFewNightsError


def compare(lake: Lake, runs: Sequence[str]) -> DriftDocument | None:
    """The last of `runs` against the others; None where too few of them were measured alike.

    Raises NightChangedError if something moved.
    """
    try:
        found = drift(lake, runs)
    except TooFewNightsError as few:
        get_run_logger().info("not compared: %s", few)
        return None
    create_markdown_artifact(
        key="bon-drift", markdown=as_markdown(found), description=f"{runs[-1]}: what moved"
    )
    if found.alarms:
        raise NightChangedError(
            f"{found.verdict}; bon drift {' '.join(found.runs)} shows all of it"
        )
    return found


compare_nights = task(name="drift", cache_policy=NO_CACHE, persist_result=False)(compare)
