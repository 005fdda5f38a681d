"""A signal to all of a process group, as Ctrl-C in a terminal: one line, soon, and nothing left."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from flows.prefect_api import authorization
from flows.prefect_server import CLIENT_AUTH
from storage import Lake
from tests.end_to_end.conftest import Undisturbed, beside_progress


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "said", "status"),
    [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)],
)
def test_one_line_says_how_to_go_on(tmp_path: Path, number: int, said: str, status: int) -> None:
    command = [sys.executable, "-m", "deployments.cli", "sweep", "--profile", "demo"]
    command += ["--problems", "18", "-k", "4", "--run", "stopped", "--lake", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not list(tmp_path.glob("candidates/**/*.parquet")):  # the judge is at work now
            assert process.poll() is None
            time.sleep(0.2)
        below = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert beside_progress(error) == [
        f"bon: {said}; `bon sweep --run stopped --lake {tmp_path}` goes on where it stopped"
    ]
    assert Lake.open(tmp_path).sql("SELECT count(*) AS n FROM candidates").to_pylist()[0]["n"] > 0
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive


@pytest.mark.slow
def test_a_terminal_is_told_what_is_waited_for(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "deployments.cli", "sweep", "--problems", "18", "-k", "1"]
    command += ["--settle", "0", "--run", "r", "--lake", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(ours, 1 << 16):
                written += chunk
        os.close(ours)
    assert process.returncode == 0
    steps = re.findall("^([a-z].*) …\r$", written.decode(), re.MULTILINE)
    assert [step for step in steps if step != "loading the flow"] == [  # it may be loaded by then
        "starting Ray",
        "waiting for Prefect",
        "loading the policy embedded",
        "starting the judges (cpu)",
    ]


@pytest.mark.slow
def test_an_api_that_outlives_the_command_is_told(tmp_path: Path, undisturbed: Undisturbed) -> None:
    command = [sys.executable, "-m", "deployments.cli", "sweep", "--device", "none", "-k", "64"]
    command += ["--run", "told", "--lake", str(tmp_path)]
    environment = os.environ | undisturbed.running

    def running() -> set[str]:
        wanted = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        address = f"{undisturbed.running['PREFECT_API_URL']}/flow_runs/filter"
        login = authorization(os.environ[CLIENT_AUTH])
        return {one["id"] for one in httpx.post(address, json=wanted, headers=login).json()}

    before = running()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            while not list(tmp_path.glob("candidates/**/*.parquet")):
                assert process.poll() is None
                time.sleep(0.2)
            assert len(running() - before) == 1
            process.terminate()
            assert process.wait(timeout=60) == 143
        finally:
            process.kill()
    assert running() <= before
