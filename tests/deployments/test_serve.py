"""`bon serve` registers the catalogue with a real Prefect server and runs what is asked of it."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deployments.catalogue import catalogue
from flows.prefect_server import free_port, healthy
from storage import Lake
from tests.conftest import Bon

Environment = dict[str, str]


def test_a_port_in_use_is_one_line(bon_process: Bon) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = bon_process("serve", "--port", str(other.getsockname()[1]))
    assert answer.returncode == 2
    assert answer.stdout == ""
    (line,) = answer.stderr.strip().splitlines()
    assert "in use" in line
    assert "--port" in line


def test_an_address_that_nobody_answers_at(
    bon_process: Bon, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{free_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", address)
    answer = bon_process("serve")
    assert answer.returncode == 2
    assert address in answer.stderr


def prefect_home(tmp_path: Path) -> Path:
    """A home of its own, with a copy of this process's database if it has one.

    Prefect takes ten seconds to lay its tables out.
    """
    home, laid_out = tmp_path / "prefect", Path(os.environ["PREFECT_HOME"]) / "prefect.db"
    home.mkdir()
    if laid_out.exists():
        with (
            closing(sqlite3.connect(laid_out)) as there,
            closing(sqlite3.connect(home / "prefect.db")) as here,
        ):
            there.backup(here)
    return home


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Environment]:
    """A running `bon serve`; the environment in which its server is the current API."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {"PREFECT_HOME": str(prefect_home(tmp_path))}
    command = [sys.executable, "-m", "deployments.cli", "serve", "--port", str(port)]
    with (tmp_path / "serve.log").open("wb") as log:
        serve = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + 90
    while not (healthy(address) and "bon-sweep" in (tmp_path / "serve.log").read_text()):
        assert serve.poll() is None, (tmp_path / "serve.log").read_text()
        assert time.monotonic() < deadline, (tmp_path / "serve.log").read_text()
        time.sleep(0.5)
    yield environment | {"PREFECT_API_URL": address}
    family = psutil.Process(serve.pid).children(recursive=True)
    serve.terminate()
    serve.wait(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def prefect(environment: Environment, *arguments: str) -> str:
    command = [sys.executable, "-m", "prefect", *arguments]
    wide = environment | {"COLUMNS": "240"}  # tables are cut to the terminal's width
    answer = subprocess.run(
        command, env=wide, capture_output=True, text=True, timeout=200, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def asked(method: str, environment: Environment, path: str) -> Any:
    """What the server's API answers: the command line takes seconds to be imported."""
    address = f"{environment['PREFECT_API_URL']}/{path}"
    answer = httpx.request(method, address, trust_env=False)
    answer.raise_for_status()
    return answer.json()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_prefect_deployment_run(served: Environment, tmp_path: Path) -> None:
    for entry in catalogue():
        found = asked("GET", served, f"deployments/name/{entry.full_name}")
        assert found["entrypoint"] == entry.entrypoint

    lake = tmp_path / "served"
    settings = {"problems": [18], "k": 2, "run": "served", "lake": str(lake)}
    parameters = [f"-p={name}={json.dumps(value)}" for name, value in settings.items()]
    output = prefect(served, "deployment", "run", "bon-sweep/default", *parameters, "--watch")
    assert "Completed" in output or "Finished" in output, output

    rows = Lake.open(lake).results(["served"]).to_pylist()
    assert [row["sample_index"] for row in rows] == [0, 1]
    assert all(row["status"] for row in rows)
    artifacts = {one["key"] for one in asked("POST", served, "artifacts/filter")}
    assert artifacts >= {"bon-sample", "bon-evaluate", "bon-summary"}
