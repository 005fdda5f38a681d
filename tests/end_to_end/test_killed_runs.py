"""What a sweep that was killed leaves in Prefect's database is put right by the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from flows.prefect_api import authorization
from flows.prefect_server import CLIENT_AUTH

pytestmark = pytest.mark.slow


def states(address: str, run: str) -> list[str]:
    """Of the flow runs that were asked for with this run id."""
    headers = authorization(os.environ[CLIENT_AUTH])
    found = httpx.post(f"{address}/flow_runs/filter", json={}, headers=headers).json()
    return [one["state_type"] for one in found if one["parameters"].get("run") == run]


def test_a_killed_sweep_is_no_longer_running(
    tmp_path: Path, ray_address: str, prefect_server: str
) -> None:
    lake = tmp_path / "lake"
    sweep = [sys.executable, "-m", "deployments.cli", "sweep", "--device", "none"]
    sweep += ["--lake", str(lake), "--run"]
    # A server of its own each time; `prefect_server` shows what is in their database.
    environment = os.environ | {"RAY_ADDRESS": ray_address}
    with subprocess.Popen([*sweep, "killed", "-k", "64"], env=environment) as process:
        while not list(lake.glob("candidates/**/*.parquet")):
            assert process.poll() is None
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    assert states(prefect_server, "killed") == ["RUNNING"]
    after = [*sweep, "after", "-k", "1", "--problems", "5"]
    assert subprocess.run(after, env=environment, check=False).returncode == 0
    assert states(prefect_server, "killed") == ["CRASHED"]
    assert states(prefect_server, "after") == ["COMPLETED"]
