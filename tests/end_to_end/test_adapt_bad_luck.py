"""An adaptation whose disk is full, or whose trainer keeps dying: one line, and it goes on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from storage import Lake
from tests.conftest import StartingServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROFILE = """
suite = "embedded"
problems = [89]
policy = "embedded"
seed = 9

[adapt]
arms = ["sdpo-prompt"]
steps = 1
group = 2

[sampling]
max_tokens = 200

[judge]
timeout_s = 20.0
retime = 0
settle_s = 0.0
"""


@pytest.fixture
def command(
    ray_address: str, prefect_server: str, prefect_starting: StartingServer, tmp_path: Path
) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    assert prefect_starting.process.poll() is None
    profile = tmp_path / "small.toml"
    profile.write_text(PROFILE)
    running = {"PREFECT_API_URL": prefect_server, "RAY_ADDRESS": ray_address}
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        asked = ["adapt", "--run", "r", "--lake", str(tmp_path / "lake"), "--json"]
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.cli", *asked, "--profile", str(profile)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | running,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(timeout=30)


def trainers() -> list[psutil.Process]:
    """Processes that train, of whichever run: this file's tests run one at a time."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::_TrainerActor"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until_it_ends(
    process: subprocess.Popen[str], meanwhile: Callable[[psutil.Process], None]
) -> list[str]:
    """Its lines on stderr; `meanwhile` is done to every trainer that is found, once."""
    known: set[int] = set()
    while process.poll() is None:
        for trainer in trainers():
            if trainer.pid not in known:
                known.add(trainer.pid)
                meanwhile(trainer)
        time.sleep(0.05)
    assert known, "no trainer was seen"
    said, error = process.communicate(timeout=30)
    assert (process.returncode, said) == (1, ""), error
    assert "Traceback" not in error
    return [line for line in error.splitlines() if line.startswith("bon: ")]


def limited(trainer: psutil.Process) -> None:
    """Its files can grow to 100 kB: as if the disk were full."""
    trainer.rlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))


def test_a_full_disk_and_a_trainer_that_dies_are_a_line_each_and_it_goes_on(
    command: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    path = tmp_path / "lake"
    (line,) = until_it_ends(command(), limited)
    assert "cannot save a checkpoint in" in line
    assert "free space there" in line
    assert not list((path / "adapters").glob("*"))
    lake = Lake.open(path)
    assert len(lake.sql("SELECT * FROM train_steps")) == 0
    drawn = lake.sql("SELECT source_hash FROM candidates ORDER BY sample_index").to_pylist()
    assert len(drawn) == 2

    (line,) = until_it_ends(command(), lambda trainer: trainer.kill())
    assert "the trainer's process died 2 times" in line
    assert len(lake.sql("SELECT * FROM train_steps")) == 0

    done = command()
    said, error = done.communicate(timeout=300)
    assert done.returncode == 0, error
    assert said.startswith("{")
    (step,) = lake.sql("SELECT status, checkpoint_id FROM train_steps").to_pylist()
    assert step["status"] == "done"
    assert (path / "adapters" / step["checkpoint_id"]).is_dir()
    first = lake.sql("SELECT source_hash FROM candidates WHERE step = 0 ORDER BY sample_index")
    assert first.to_pylist() == drawn
