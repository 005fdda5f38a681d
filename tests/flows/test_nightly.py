"""A night's run id is the date of its scheduled start, in the schedule's time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from flows.errors import RequestError
from flows.nightly import run_id


@pytest.mark.parametrize(
    ("scheduled", "timezone", "night"),
    [
        (datetime(2026, 11, 30, 3, tzinfo=UTC), "UTC", "nightly-20261130"),
        (datetime(2026, 11, 30, 3, tzinfo=ZoneInfo("Asia/Tokyo")), "UTC", "nightly-20261129"),
        (datetime(2026, 11, 29, 18, tzinfo=UTC), "Asia/Tokyo", "nightly-20261130"),
        (datetime(2026, 11, 30, 11, tzinfo=UTC), "America/Los_Angeles", "nightly-20261130"),
        (datetime(2026, 3, 29, 1, tzinfo=UTC), "Europe/Berlin", "nightly-20260329"),  # clocks jump
    ],
)
def test_the_date_is_the_schedules(scheduled: datetime, timezone: str, night: str) -> None:
    assert run_id(scheduled, timezone) == night


def test_an_unknown_zone() -> None:
    with pytest.raises(RequestError, match="Mars/Olympus"):
        run_id(datetime(2026, 11, 30, tzinfo=UTC), "Mars/Olympus")
