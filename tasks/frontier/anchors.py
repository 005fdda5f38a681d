"""Anchors of a run: sources of the first stage that later rounds judged anew."""

from __future__ import annotations

from storage import Lake
from tasks.frontier.guards import Shift


def shifts_of(lake: Lake, run_id: str) -> list[Shift]:
    """How far each moved, round by round; none of a run without anchors."""
    if not lake.sql("SELECT 1 FROM anchors LIMIT 1", [run_id]).num_rows:
        return []
    # It comes with the judges and with Ray, for which a reader of other runs need not wait.
    from tasks.adapt.anchors import anchor_shifts

    return list(anchor_shifts(lake, run_id))
