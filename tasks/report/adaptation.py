"""The arms of a report's runs, where they are adaptations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage import Lake
from tasks.errors import RequestError
from tasks.frontier.compute import frontier
from tasks.frontier.document import FrontierDocument


@dataclass(frozen=True, slots=True)
class Adaptation:
    """compared: None where the runs are no one study, for the reason in `why_not`."""

    run_ids: tuple[str, ...]
    compared: FrontierDocument | None
    why_not: str = ""


def adaptation_of(lake: Lake, run_ids: Sequence[str]) -> Adaptation | None:
    """Of those runs that have arms; None without one."""
    kinds = lake.sql("SELECT run_id, kind FROM runs_latest", run_ids).to_pylist()
    with_arms = {row["run_id"] for row in kinds if row["kind"] == "adapt"}
    own = tuple(one for one in run_ids if one in with_arms)
    if not own:
        return None
    try:
        return Adaptation(own, frontier(lake, own))
    except RequestError as error:
        return Adaptation(own, None, str(error))
