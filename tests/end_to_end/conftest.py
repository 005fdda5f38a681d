"""One Ray and one Prefect API for the sweeps of this folder, started once, as on a cluster.

What a sweep starts of its own is seen by the one that is killed (test_kill_and_resume.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

SECRET = "sk-nobody-may-see-this"
"""The key of a server that wants one: in Ray's environment, which is the policy's."""


@pytest.fixture(scope="package")
def ray_address() -> Iterator[str]:
    """Of a Ray that goes on between sweeps."""
    import ray

    from tasks.cluster import cluster

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_API_KEY", SECRET)
        with cluster():
            yield str(ray.get_runtime_context().gcs_address)


@pytest.fixture
def running(
    ray_address: str, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Sweeps of this process find Ray and Prefect running."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

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
