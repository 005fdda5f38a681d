"""What all tests share: a place of their own for Prefect's state, and quiet libraries."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployments import cli
from flows.prefect_server import (
    CLIENT_AUTH,
    free_port,
    new_auth,
    start_server,
    wait_until_healthy,
)
from kernels_eval import turns
from tests.sharing import group_scheduler, put_slow_first

os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
os.environ.setdefault(CLIENT_AUTH, new_auth())  # of all servers that tests share

gc.disable()  # until all is collected; not in the package: benchmarks import files of it, too
Bon = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    put_slow_first(items)


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look through it again and again."""
    gc.enable()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.hookimpl(optionalhook=True)  # xdist's; not every environment has it
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return group_scheduler(config, log)


@pytest.fixture(scope="session", autouse=True)
def _own_turns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Judges of different test processes do not wait for each other: their times are not used."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(turns.VARIABLE, str(tmp_path_factory.mktemp("turns")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _private_prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("prefect")
    before = os.environ.get("PREFECT_HOME")
    os.environ["PREFECT_HOME"] = str(home)
    yield
    if before is None:
        del os.environ["PREFECT_HOME"]
    else:
        os.environ["PREFECT_HOME"] = before


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A temp directory whose name is short enough for Ray's sockets; pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="bt-", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


@dataclass(frozen=True)
class StartingServer:
    """A Prefect server that may not answer yet."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path


@pytest.fixture(scope="session")
def prefect_starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartingServer]:
    """What `prefect_server` waits for."""
    port = free_port()
    log = tmp_path_factory.mktemp("prefect-server") / "server.log"
    server = start_server("127.0.0.1", port, log, auth=os.environ[CLIENT_AUTH])
    yield StartingServer(f"http://127.0.0.1:{port}/api", server, log)
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture(scope="session")
def prefect_server(prefect_starting: StartingServer) -> str:
    """The address of one Prefect API for all tests that do not ask how a private one behaves."""
    wait_until_healthy(prefect_starting.address, prefect_starting.process, prefect_starting.log)
    return prefect_starting.address


@pytest.fixture
def bon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bon:
    """Run the command line in this process, with its lake in `tmp_path`.

    What an entry point adds to it (a process, its exit status) is seen by `bon_process`.
    """
    monkeypatch.setenv("BON_LAKE", str(tmp_path / "lake"))

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(argument) for argument in arguments]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = cli.run(command)
        return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def bon_process(tmp_path: Path) -> Bon:
    """Run the command line in a process of its own, with its lake in `tmp_path`."""

    def run(*arguments: str | Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deployments.cli", *map(str, arguments)]
        environment = os.environ | {"BON_LAKE": str(tmp_path / "lake")}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environment, check=False
        )

    return run
