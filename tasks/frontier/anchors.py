"""Anchors of a run: sources of step 0 that later rounds judged anew."""

from __future__ import annotations

from storage import Lake
from tasks.frontier.guards import Shift


def anchor_shifts(lake: Lake, run_id: str) -> list[Shift]:
    """How far each moved, round by round; none of a run without anchors."""
    del lake, run_id
    return []
