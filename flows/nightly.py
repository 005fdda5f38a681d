"""The flow `nightly`: the same draws measured afresh every night, under a run id of its own."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows.summary import SweepSummary
from flows.sweep import bon_sweep


@flow(name="nightly")
def nightly(profile: str = "nightly", lake: str | None = None) -> SweepSummary:
    """Sweep `profile` as run `nightly-<date>`. Twice in a night, it goes on where it was."""
    return bon_sweep(profile=profile, run=f"nightly-{datetime.now():%Y%m%d}", lake=lake)
