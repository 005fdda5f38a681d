"""An adaptation whose trainer is a server: it forgets, it is gone, it works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import Lake
from tasks.policies.embedded import WEIGHTS
from tests.conftest import StartingServer
from tests.tasks.adapt.tinker_server import TinkerServer, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROFILE = """
suite = "embedded"
problems = [89]
policy = "embedded"
seed = 9

[adapt]
arms = ["sdpo-prompt"]
steps = 2
group = 2
step_size = "lr:0.002"
dtype = "float32"

[sampling]
max_tokens = 200

[judge]
timeout_s = 20.0
retime = 0
settle_s = 0.0
"""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server() -> Iterator[TinkerServer]:
    with serving(TinkerServer(WEIGHTS)) as found:
        yield found


@pytest.fixture
def command(
    ray_address: str,
    prefect_server: str,
    prefect_starting: StartingServer,
    server: TinkerServer,
    tmp_path: Path,
) -> Command:
    assert prefect_starting.process.poll() is None
    profile = tmp_path / "small.toml"
    profile.write_text(PROFILE)
    running = {"PREFECT_API_URL": prefect_server, "RAY_ADDRESS": ray_address}

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        asked = ["adapt", "--run", "r", "--lake", str(tmp_path / "lake"), "--json", *more]
        if "--steps" not in more:
            asked += ["--profile", str(profile), "--trainer", f"tinker:{server.url}"]
        return subprocess.run(
            [sys.executable, "-m", "deployments.cli", *asked],
            capture_output=True,
            text=True,
            env=os.environ | running,
            check=False,
            timeout=400,
        )

    return run


def test_a_server_forgets_and_the_run_goes_on(
    command: Command, server: TinkerServer, tmp_path: Path
) -> None:
    server.forgets_at = "optim_step"
    broken = command()
    assert broken.returncode == 1, broken.stderr
    assert "Traceback" not in broken.stderr
    said = " ".join(broken.stderr.split())
    assert f"{server.url} was to make the step and knows nothing of it" in said
    assert "the same --run goes on" in said
    lake = Lake.open(tmp_path / "lake")
    drawn = len(lake.sql("SELECT * FROM candidates"))
    assert drawn > 0
    assert len(lake.sql("SELECT * FROM train_steps")) == 0

    done = command()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arms"]["sdpo-prompt"]["rollouts"] == 6
    steps = lake.sql("SELECT status, mismatch_mean FROM train_steps").to_pylist()
    assert [one["status"] for one in steps] == ["done", "done"]
    assert all(one["mismatch_mean"] < 1e-4 for one in steps)
    config = json.loads(lake.sql("SELECT config FROM runs ORDER BY sequence")["config"][-1].as_py())
    assert config["adapt"]["alpha"] == 32
    for row in lake.sql("SELECT path FROM checkpoints").to_pylist():
        adapter = json.loads((lake.root / row["path"] / "adapter_config.json").read_text())
        assert len(adapter["target_modules"]) == 7
    assert len(server.adapters) <= 2, "each step gives back what it had there"
    (judged,) = lake.sql("SELECT count(*) AS n FROM results WHERE status IS NULL").to_pylist()
    assert judged["n"] == 0


def test_a_server_that_is_gone(command: Command, server: TinkerServer, tmp_path: Path) -> None:
    address, server.url = server.url, "http://127.0.0.1:9"
    refused = command()
    server.url = address
    assert refused.returncode == 2, refused.stderr
    (line,) = [one for one in refused.stderr.splitlines() if "no server answers" in one]
    assert "http://127.0.0.1:9" in line
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "lake" / "runs").exists(), "refused before anything was written"
