"""A schedule of `bon serve` comes due, and its run runs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from storage import Lake
from tests.deployments.conftest import prefect_home, serving

ZONE = "Pacific/Kiritimati"
"""UTC+14: for most of the day another date than UTC's."""

PROFILE = """
suite = "embedded"
problems = [18]
k = 2
policy = "embedded"
[judge]
device = "none"
"""

SERVE = """
import sys
import time
from deployments.serve import serving_api
from flows import ending

with ending.armed(), serving_api("127.0.0.1", int(sys.argv[-1])) as served:
    from deployments.catalogue import Entry
    from deployments.runner import serve_catalogue
    from flows.nightly import nightly

    often = f"* * * * * {(int(time.time()) + 15) % 60}"  # the last field is seconds
    settings = {"profile": sys.argv[1], "lake": sys.argv[2], "timezone": sys.argv[3]}
    entry = Entry(nightly, "default", "Often.", settings, cron=often, timezone=sys.argv[3])
    serve_catalogue(served, [entry])
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_scheduled_runs_run(tmp_path: Path) -> None:
    profile, lake = tmp_path / "small.toml", tmp_path / "lake"
    profile.write_text(PROFILE)
    before = datetime.now(ZoneInfo(ZONE))
    command = ("-c", SERVE, str(profile), str(lake), ZONE)
    with serving(tmp_path, prefect_home(tmp_path), command) as served:

        def completed() -> list[str]:
            done = {
                "state": {"type": {"any_": ["COMPLETED"]}},
                "deployment_id": {"is_null_": False},
            }
            return [one["id"] for one in served.asked("POST", "flow_runs/filter", flow_runs=done)]

        served.until(lambda: bool(completed()))
    nights = {f"nightly-{day:%Y%m%d}" for day in (before, datetime.now(ZoneInfo(ZONE)))}
    runs = Lake.open(lake).runs().to_pylist()
    assert {run["run_id"] for run in runs} <= nights
    assert [run["candidates"] for run in runs] == [2] * len(runs)
    for flow, state, _ in served.states():
        assert state in ("Completed", "Cancelled", "Failed"), (flow, state)  # failed: one at a time
