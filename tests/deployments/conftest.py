"""A running `bon serve` with a home of its own, and how to ask its API."""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.prefect_server import CLIENT_AUTH, free_port, healthy

Environment = dict[str, str]
READY = "serving nightly/default"


@dataclass(frozen=True)
class Serving:
    """A `bon serve` under way."""

    process: subprocess.Popen[bytes]
    environment: Environment
    """In which Prefect's commands find the server and are let in."""
    home: Path
    log: Path

    @property
    def address(self) -> str:
        return self.environment["PREFECT_API_URL"]

    def asked(self, method: str, path: str, **body: Any) -> Any:
        """What the server's API answers: the command line takes seconds to be imported."""
        auth = base64.b64encode(self.environment[CLIENT_AUTH].encode()).decode()
        until = time.monotonic() + 30
        while True:
            answer = httpx.request(
                method,
                f"{self.address}/{path}",
                json=body or None,
                headers={"Authorization": f"Basic {auth}"},
                trust_env=False,
                timeout=30,
            )
            # SQLite was locked for long: Prefect's own clients ask again, too.
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > until:
                break
            time.sleep(0.5)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def run(self, deployment: str, **parameters: Any) -> str:
        """Ask for a flow run; its id."""
        found = self.asked("GET", f"deployments/name/{deployment}")
        made = self.asked(
            "POST", f"deployments/{found['id']}/create_flow_run", parameters=parameters
        )
        return str(made["id"])

    def state(self, flow_run: str) -> str:
        """The type of a flow run's state."""
        return str(self.asked("GET", f"flow_runs/{flow_run}")["state_type"])

    def until(self, there: Callable[[], bool], seconds: float = 120.0) -> None:
        """Wait for something that the API tells."""
        deadline = time.monotonic() + seconds
        while not there():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.3)

    def end(self, number: int = signal.SIGTERM) -> list[psutil.Process]:
        """Send a signal to it alone and wait for its end; the processes that were below it."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        self.process.wait(timeout=100)
        return family

    def states(self) -> list[tuple[str, str, str]]:
        """(flow, state's name, its message) of all that started, from the database itself."""
        query = (
            "SELECT f.name, r.state_name, coalesce(s.message, '') FROM flow_run r "
            "JOIN flow f ON f.id = r.flow_id LEFT JOIN flow_run_state s ON s.id = r.state_id "
            "WHERE r.state_type != 'SCHEDULED' ORDER BY 1, 2"
        )
        with closing(sqlite3.connect(self.home / "prefect.db")) as database:
            return list(database.execute(query))


def prefect_home(folder: Path) -> Path:
    """A home of its own, with a copy of this process's database if it has one.

    Prefect takes ten seconds to lay its tables out.
    """
    home, laid_out = folder / "prefect", Path(os.environ["PREFECT_HOME"]) / "prefect.db"
    home.mkdir()
    if laid_out.exists():
        with (
            closing(sqlite3.connect(laid_out)) as there,
            closing(sqlite3.connect(home / "prefect.db")) as here,
        ):
            there.backup(here)
    return home


@contextmanager
def serving(
    folder: Path, home: Path, command: Sequence[str] = ("-m", "deployments.cli", "serve", "--port")
) -> Iterator[Serving]:
    """`bon serve`, or another `command` that takes a port, until the block ends."""
    port, log = free_port(), folder / "serve.log"
    environment = os.environ | {"PREFECT_HOME": str(home), "BON_SUITES": str(folder)}
    # The last is set by commands that ran in this process, for private servers without a page.
    for name in (CLIENT_AUTH, "PREFECT_API_URL", "PREFECT_UI_ENABLED"):
        environment.pop(name, None)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *command, str(port)], env=environment, stdout=sink, stderr=sink
        )
    address = f"http://127.0.0.1:{port}/api"
    try:
        deadline = time.monotonic() + 90
        while not (healthy(address) and READY in log.read_text()):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        auth = (home / "bon-serve" / "auth").read_text().strip()
        yield Serving(
            process, environment | {"PREFECT_API_URL": address, CLIENT_AUTH: auth}, home, log
        )
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            process.wait(timeout=100)
            _, alive = psutil.wait_procs(family, timeout=20)
            assert not alive
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One `bon serve` for the tests that leave it running."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, prefect_home(folder)) as one:
        yield one
