"""An adaptation whose lake lies in an object store, killed and gone on with from other machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage import Lake
from tests.conftest import StartingServer
from tests.end_to_end.test_kill_and_resume import kill
from tests.object_store import served

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
def bucket() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, served(patch) as address:
        yield address


def test_it_ends_wherever_it_goes_on(
    bucket: str,
    ray_address: str,
    prefect_server: str,
    prefect_starting: StartingServer,
    tmp_path: Path,
    to_end: list[psutil.Process],
) -> None:
    assert prefect_starting.process.poll() is None
    profile = tmp_path / "small.toml"
    profile.write_text(PROFILE)
    place = f"{bucket}/lake"

    def started(machine: str, *asked: str) -> subprocess.Popen[str]:
        running = {"PREFECT_API_URL": prefect_server, "RAY_ADDRESS": ray_address}
        return subprocess.Popen(
            [sys.executable, "-m", "deployments.cli", *asked, "--lake", place, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | running | {"XDG_CACHE_HOME": str(tmp_path / machine)},
        )

    def answer(machine: str, *asked: str) -> Any:
        process = started(machine, *asked)
        said, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
        return json.loads(said)

    first = started("first", "adapt", "--run", "r", "--profile", str(profile))
    adapters = Lake(place).root / "adapters"
    while not adapters.exists():  # its row may not be there
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    to_end.extend(kill(first))

    # Nobody here can tell that a process of another machine is gone; this one is of the same.
    assert answer("second", "adapt", "--run", "r", "--profile", str(profile))["unfinished"] == 0
    document = answer("third", "adapt", "--run", "r", "--steps", "2")
    assert (document["unfinished"], document["steps"]) == (0, 2)
    assert (tmp_path / "third" / "bon-sweep" / "folders").is_dir()

    lake = Lake.open(place)
    steps = lake.sql("SELECT arm, step, step_status AS s FROM trajectory ORDER BY ALL").to_pylist()
    assert [(row["step"], row["s"]) for row in steps if row["arm"] == "sdpo-prompt"] == [
        (1, "done"),
        (2, "done"),
    ]
    costs = lake.sql("SELECT flops / parameters AS n FROM budget JOIN runs_latest USING (run_id)")
    assert all(row["n"] > 0 for row in costs.to_pylist())
    rows = lake.sql("SELECT checkpoint_id FROM checkpoints").to_pylist()
    assert {path.name for path in adapters.iterdir()} == {row["checkpoint_id"] for row in rows}

    probed = answer("fourth", "probe", "r")
    assert probed["reproduced"] < 1e-4
    assert {(one["arm"], one["moved"]) for one in probed["steps"]} >= {("sdpo-prompt", 1)}
