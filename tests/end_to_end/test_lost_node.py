"""A cluster's node is killed in the middle of a sweep: every draw gets its verdict elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_TWO_NODES = """
import os, sys
from ray.cluster_utils import Cluster
from kernels_eval.scratch import scratch_directory
from tasks.ray_token import private_token

with scratch_directory("bon-ray-") as place, private_token(place):
    head = {"num_cpus": 1, "temp_dir": str(place / "r")}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    far = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    print(f"{cluster.address} {place}/token", flush=True)
    sys.stdin.readline()
    cluster.remove_node(far, allow_graceful=False)
    print("killed", flush=True)
    sys.stdin.readline()
    cluster.shutdown()
"""


@contextmanager
def _two_nodes() -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A process that kills a node at a word, and the environment of those that join."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with subprocess.Popen(
        [sys.executable, "-c", _TWO_NODES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=plain,
    ) as holder:
        assert holder.stdout is not None
        address, token = next(line for line in holder.stdout if "/token" in line).split()
        yield holder, plain | {"RAY_ADDRESS": address, "RAY_AUTH_TOKEN_PATH": token}
        holder.communicate("\n", timeout=60)


@pytest.mark.slow
def test_no_draw_stays_without_a_verdict(prefect_server: str, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    command = [sys.executable, "-m", "deployments.cli", "sweep", "--problems", "18,89,5,12"]
    command += ["-k", "6", "--run", "r", "--lake", str(lake), "--json"]
    command += ["--device", "none"]  # where verdicts are reached is what is tested
    with _two_nodes() as (holder, environment):
        with subprocess.Popen(
            command,
            env=environment | {"PREFECT_API_URL": prefect_server},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as sweep:
            deadline = time.monotonic() + 120
            while not any(lake.glob("evaluations/*/run_id=r/part-*")):
                assert sweep.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert holder.stdin is not None
            holder.stdin.write("kill\n")
            holder.stdin.flush()
            out, err = sweep.communicate(timeout=240)
        assert sweep.returncode == 0, err
    summary = json.loads(out)
    assert (summary["candidates"], summary["unfinished"]) == (24, 0)
    assert summary["statuses"] == {"incorrect": 24}
