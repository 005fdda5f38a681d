"""The flow `nightly`: the same draws measured afresh every night, under a run id of its own."""

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


@flow(name="nightly")
@failing_in_a_line
def nightly(
    profile: str = "nightly", lake: str | None = None, timezone: str = "UTC"
) -> SweepSummary:
    """Sweep `profile` as run `nightly-<date>`. Twice in a night, it goes on where it was.

    The date is that of the scheduled start in `timezone`, the schedule's own: a run that starts
    late, or is retried after midnight, is still that night's. Raises RequestError for an unknown
    time zone, and whatever `bon_sweep` raises.
    """
    belong_to_owner()
    night = run_id(flow_run.scheduled_start_time, timezone)
    return bon_sweep(profile=profile, run=night, lake=lake)


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
