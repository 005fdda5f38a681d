"""The arms of a report's runs, where they are adaptations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import Lake
from tasks.errors import RequestError
from tasks.frontier.compute import frontier
from tasks.frontier.document import FrontierDocument

if TYPE_CHECKING:
    from tasks.probe.findings import Finding


@dataclass(frozen=True, slots=True)
class Adaptation:
    """compared: None where the runs are no one study, for the reason in `why_not`."""

    run_ids: tuple[str, ...]
    compared: FrontierDocument | None
    why_not: str = ""
    probed: tuple[Finding, ...] = ()
    """Of a single run whose probe is stored."""


def adaptation_of(lake: Lake, run_ids: Sequence[str]) -> Adaptation | None:
    """Of those runs that have arms; None without one."""
    kinds = lake.sql("SELECT run_id, kind FROM runs_latest", run_ids).to_pylist()
    with_arms = {row["run_id"] for row in kinds if row["kind"] == "adapt"}
    own = tuple(one for one in run_ids if one in with_arms)
    if not own:
        return None
    probed = tuple(stored_findings(lake, own[0])) if _has_scores(lake, own) else ()
    try:
        return Adaptation(own, frontier(lake, own), probed=probed)
    except RequestError as error:
        return Adaptation(own, None, str(error))


def _has_scores(lake: Lake, run_ids: Sequence[str]) -> bool:
    if len(run_ids) != 1:
        return False
    return bool(lake.sql("SELECT 1 FROM probes LIMIT 1", run_ids).num_rows)


def stored_findings(lake: Lake, run_id: str) -> Sequence[Finding]:
    """See tasks.probe.stored. It comes with policies and Ray, so only a probe has it imported."""
    from tasks.probe.stored import stored_findings as found

    return found(lake, run_id)
