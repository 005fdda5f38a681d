"""The flow `nightly`: the same draws measured afresh every night, set against earlier nights."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.runtime import flow_run

from flows.deployed import belong_to_owner
from flows.errors import RequestError
from flows.refusals import failing_in_a_line
from flows.summary import SweepSummary
from flows.sweep import bon_sweep
from storage import Lake
from tasks.drift.step import compare_nights

EARLIER_NIGHTS = 30
"""The latest so many are what a night is set against."""
_PREFIX = "nightly-"


@flow(name="nightly")
@failing_in_a_line
def nightly(
    profile: str = "nightly", lake: str | None = None, timezone: str = "UTC"
) -> SweepSummary:
    """Sweep `profile` as run `nightly-<date>`. Twice in a night, it goes on where it was.

    The date is that of the scheduled start in `timezone`, the schedule's own: a run that starts
    late, or is retried after midnight, is still that night's.

    Then it is set against the nights before that measured the same draws. Raises NightChangedError
    where something moved, RequestError for an unknown time zone, and whatever `bon_sweep` raises.
    """
    belong_to_owner()
    night = run_id(flow_run.scheduled_start_time, timezone)
    summary = bon_sweep(profile=profile, run=night, lake=lake)
    house = Lake.open(summary.lake)
    compare_nights(house, [*nights_before(house, night), night])
    return summary


def nights_before(lake: Lake, night: str) -> list[str]:
    """The nights of the lake that are older than `night`, oldest first; 30 at most.

    Those alone that asked for the same draws: problems, policy and seed.
    """
    nights = sorted(run for run in lake.run_ids() if run.startswith(_PREFIX) and run <= night)
    rows = {row["run_id"]: row for row in lake.sql(_ASKED, nights).to_pylist()}
    asked = {run: (row["suite"], row["policy_id"], row["seed"]) for run, row in rows.items()}
    same = [run for run in nights if run in asked and asked[run] == asked.get(night)]
    return [run for run in same if run != night][-EARLIER_NIGHTS:]


_ASKED = "SELECT run_id, suite, policy_id, seed FROM runs_latest"


def run_id(scheduled: datetime, timezone: str) -> str:
    """`nightly-YYYYMMDD` of the moment `scheduled`. Raises RequestError for an unknown zone."""
    return f"nightly-{scheduled.astimezone(zone(timezone)):%Y%m%d}"


def zone(timezone: str) -> ZoneInfo:
    """The zone of that name. Raises RequestError if there is none."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise RequestError(
            f"no time zone {timezone!r}; write a name of the IANA database, as in Europe/Berlin"
        ) from None
