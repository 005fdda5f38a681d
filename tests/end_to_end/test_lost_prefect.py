"""A sweep whose Prefect API goes away ends by itself, in one line that says how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flows.prefect_server import CLIENT_AUTH, free_port, start_server, wait_until_healthy
from storage import Lake
from tests.end_to_end.conftest import beside_progress

pytestmark = pytest.mark.slow


@contextmanager
def sweep(lake: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A sweep in which the first draws are stored and many are to come."""
    command = [sys.executable, "-m", "deployments.cli", "sweep", "--device", "none", "-k", "64"]
    command += ["--run", "lost", "--lake", str(lake)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        try:
            while not list(lake.glob("candidates/**/*.parquet")):
                assert process.poll() is None
                time.sleep(0.2)
            yield process
        finally:
            process.kill()


def one_line(process: subprocess.Popen[str], lake: Path) -> str:
    """All that it says, and that it leaves neither process nor draw behind."""
    below = psutil.Process(process.pid).children(recursive=True)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    (line,) = beside_progress(said)
    assert line.endswith(f"`bon sweep --run lost --lake {lake}` goes on where it stopped")
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive
    assert Lake.open(lake).sql("SELECT count(*) AS n FROM candidates").to_pylist()[0]["n"] > 0
    return line


def test_a_private_server_that_is_killed(tmp_path: Path, ray_address: str) -> None:
    with sweep(tmp_path, RAY_ADDRESS=ray_address) as process:
        (server,) = [
            child
            for child in psutil.Process(process.pid).children()
            if "prefect.server.api.server:create_app" in child.cmdline()
        ]
        server.kill()
        assert "went away" in one_line(process, tmp_path)


def test_an_api_that_answers_no_more(tmp_path: Path, ray_address: str) -> None:
    port, log, lake = free_port(), tmp_path / "server.log", tmp_path / "lake"
    address = f"http://127.0.0.1:{port}/api"
    server = start_server("127.0.0.1", port, log, auth=os.environ[CLIENT_AUTH])
    try:
        wait_until_healthy(address, server, log)
        with sweep(lake, RAY_ADDRESS=ray_address, PREFECT_API_URL=address) as process:
            server.send_signal(signal.SIGSTOP)
            assert f"the Prefect API at {address} went away" in one_line(process, lake)
    finally:
        server.kill()
        server.wait()
