"""A command whose Prefect API goes away ends by itself, in one line that says how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flows.prefect_server import CLIENT_AUTH, free_port, start_server, wait_until_healthy
from storage import Lake
from tasks.imports import import_results
from tasks.problems import load_suite
from tests.end_to_end.conftest import beside_progress

pytestmark = pytest.mark.slow

Command = Callable[[Path], list[str]]


def sweep(lake: Path) -> list[str]:
    """A sweep that goes on for longer than a test."""
    return ["sweep", "--run", "lost", "--lake", str(lake), "--device", "none", "-k", "64"]


def rescore(lake: Path) -> list[str]:
    """Scoring of an import that goes on for longer than a test."""
    rows = ["problem_id,sample_index,mean_logprob,correct,speedup,source"]
    for problem in load_suite("embedded").problems:
        rows += [f"{problem.problem_id},{i},-1,false,,{f'x = {i}; ' * 60}" for i in range(200)]
    table = lake.parent / "draws.csv"
    table.write_text("\n".join(rows))
    import_results(table, "lost", Lake.to_write(lake))
    return ["rescore", "lost", "--lake", str(lake), "--policy", "embedded", "--suite", "embedded"]


COMMANDS = {
    sweep: ("candidates", "`bon sweep --run lost --lake {lake}` goes on where it stopped"),
    rescore: (
        "rescores",
        "`bon rescore lost --lake {lake} --policy embedded --suite embedded` goes on where it "
        "stopped",
    ),
}
"""Every command that runs a flow: a table that it fills, and how its line ends."""


@contextmanager
def at_work(command: Command, lake: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command, in which the first rows are stored and many are to come."""
    table, _ = COMMANDS[command]
    with subprocess.Popen(
        [sys.executable, "-m", "deployments.cli", *command(lake)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        try:
            while not list(lake.glob(f"{table}/**/*.parquet")):
                assert process.poll() is None
                time.sleep(0.2)
            yield process
        finally:
            process.kill()


def one_line(process: subprocess.Popen[str], command: Command, lake: Path) -> str:
    """All that it says, and that it leaves neither process nor row behind."""
    table, end = COMMANDS[command]
    below = psutil.Process(process.pid).children(recursive=True)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    (line,) = beside_progress(said)
    assert line.endswith(end.format(lake=lake))
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive
    assert Lake.open(lake).sql(f"SELECT count(*) AS n FROM {table}").to_pylist()[0]["n"] > 0
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_private_server_that_is_killed(
    tmp_path: Path, ray_address: str, command: Command
) -> None:
    lake = tmp_path / "lake"
    with at_work(command, lake, RAY_ADDRESS=ray_address) as process:
        (server,) = [
            child
            for child in psutil.Process(process.pid).children()
            if "prefect.server.api.server:create_app" in child.cmdline()
        ]
        server.kill()
        assert "went away" in one_line(process, command, lake)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_api_that_answers_no_more(tmp_path: Path, ray_address: str, command: Command) -> None:
    port, log, lake = free_port(), tmp_path / "server.log", tmp_path / "lake"
    address = f"http://127.0.0.1:{port}/api"
    server = start_server("127.0.0.1", port, log, auth=os.environ[CLIENT_AUTH])
    try:
        wait_until_healthy(address, server, log)
        with at_work(command, lake, RAY_ADDRESS=ray_address, PREFECT_API_URL=address) as process:
            server.send_signal(signal.SIGSTOP)
            assert f"the Prefect API at {address} went away" in one_line(process, command, lake)
    finally:
        server.kill()
        server.wait()
