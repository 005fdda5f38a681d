"""A sweep whose private Ray or policy is killed while it starts: one line, or no trace at all."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from storage import Lake
from tasks.sample.actor import RESTARTS
from tests.end_to_end.conftest import WHOLE, beside_progress


def kill_when_up(process: subprocess.Popen[str], name: str, seconds: float, times: int) -> None:
    """Kill descendants whose command line holds `name`, so many seconds after each appears."""
    killed: set[int] = set()
    while len(killed) < times:
        assert process.poll() is None
        for one in psutil.Process(process.pid).children(recursive=True):
            try:
                if one.pid not in killed and name in " ".join(one.cmdline()):
                    time.sleep(seconds)
                    one.kill()
                    killed.add(one.pid)
            except psutil.Error:
                continue
        time.sleep(0.02)


def sweep(tmp_path: Path, name: str, seconds: float, times: int = 1) -> tuple[int, str, list[str]]:
    """Exit status, stderr, and what the sweep leaves in the temp directory."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "deployments.cli", *WHOLE, "--lake", str(tmp_path / "lake")]
    environment = os.environ | {"TMPDIR": str(temporary)}
    environment.pop("RAY_ADDRESS", None)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            kill_when_up(process, name, seconds, times)
            _, error = process.communicate(timeout=300)
        finally:
            process.kill()
    return process.returncode, error, [one.name for one in temporary.iterdir()]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1, 8.0])
@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_lost_ray_is_one_line(tmp_path: Path, name: str, seconds: float) -> None:
    status, error, left = sweep(tmp_path, f"/{name}", seconds)
    begun = list((tmp_path / "lake" / "runs").rglob("run_id=whole"))
    typed = ["sweep", "--run", "whole"] if begun else WHOLE
    go_on = shlex.join(["bon", *typed, "--lake", str(tmp_path / "lake")])
    assert error == (
        f"bon: the private Ray is lost: its {name} was ended by SIGKILL; "
        f"`{go_on}` goes on where it stopped\n"
    )
    assert (status, left) == (1, [])


@pytest.mark.slow
def test_a_policy_that_dies_while_it_loads_is_started_again(tmp_path: Path) -> None:
    status, error, left = sweep(tmp_path, "_PolicyActor", 0.3)
    assert (status, beside_progress(error), left) == (0, [], [])
    assert Lake.open(tmp_path / "lake").sql("FROM results").num_rows == 12


@pytest.mark.slow
def test_a_policy_that_keeps_dying_is_one_line(tmp_path: Path) -> None:
    status, error, left = sweep(tmp_path, "_PolicyActor", 0.3, times=1 + RESTARTS)
    assert error.startswith("bon: the policy's process died: The actor is dead because its worker")
    assert error.endswith(" goes on where it stopped\n")
    assert (status, error.count("\n"), left) == (1, 1, [])
