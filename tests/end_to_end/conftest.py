"""One Ray and one Prefect API for the sweeps of this folder, started once, as on a cluster.

What a sweep starts of its own is seen by the one that is killed (test_kill_and_resume.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from kernels_eval.host.judge_host import TIMEOUT_VARIABLE
from tests.conftest import StartingServer

SECRET = "sk-nobody-may-see-this"
"""The key of a server that wants one: in Ray's environment, which is the policy's."""


@pytest.fixture(scope="package")
def ray_address(prefect_starting: StartingServer) -> Iterator[str]:
    """Of a Ray that goes on between sweeps; it starts while Prefect does."""
    assert prefect_starting.process.poll() is None
    import ray

    from tasks.cluster import cluster

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_API_KEY", SECRET)
        environment.setenv(TIMEOUT_VARIABLE, "60")  # for a problem that hangs
        with cluster():
            yield str(ray.get_runtime_context().gcs_address)


@pytest.fixture(scope="package")
def to_end() -> Iterator[list[psutil.Process]]:
    """Processes that have to be gone when this folder's tests are over."""
    processes: list[psutil.Process] = []
    yield processes
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def running(
    ray_address: str, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Sweeps of this process find Ray and Prefect running."""
    from prefect.logging.configuration import setup_logging
    from prefect.settings import PREFECT_API_URL, temporary_settings

    setup_logging()  # here: it takes handlers away, and in a test would take pytest's
    assert ray_address  # up; this process is connected to it
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    cores = os.sched_getaffinity(0)
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield
    # A sweep moves its process and Ray off the timing cores, for good.
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        for thread in Path(f"/proc/{process.pid}/task").glob("*"):
            try:
                os.sched_setaffinity(int(thread.name), cores)
            except OSError:
                continue  # it ended meanwhile


def beside_progress(error: str) -> list[str]:
    """What a sweep says on stderr, without what it waits for and how far it has come."""
    lines = error.splitlines()
    return [one for one in lines if not one.endswith(" …") and not one.startswith("sample ")]


WHOLE = ["sweep", "--problems", "18,89", "-k", "6", "--seed", "9", "--run", "whole", "--json"]
# Who wins, and what noise leaves unsettled, is a matter of timing, and not the same every time.
WHOLE += ["--retime", "0", "--settle", "0"]


@dataclass(frozen=True)
class Undisturbed:
    """A small sweep with every real part: embedded model, Prefect, Ray, the judge, the lake."""

    lake: Path
    summary: dict[str, Any]
    seconds: float
    running: dict[str, str]
    """Environment in which a sweep finds Ray and Prefect running."""


@pytest.fixture(scope="package")
def undisturbed(
    ray_address: str, prefect_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    """The sweep `WHOLE`, once: what its disturbed and extended copies are compared with."""
    lake = tmp_path_factory.mktemp("undisturbed") / "lake"
    running = {"PREFECT_API_URL": prefect_server, "RAY_ADDRESS": ray_address}
    command = [sys.executable, "-m", "deployments.cli", *WHOLE, "--lake", str(lake)]
    started = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | running, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - started
    return Undisturbed(lake, json.loads(done.stdout), seconds, running)
