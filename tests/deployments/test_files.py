"""The files for Ray and Prefect, read by the tools that they are for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

ROOT = Path(__file__).parents[2]
_RAY = ROOT / "deployments" / "ray-cluster.yaml"


def test_ray_takes_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    given = yaml.safe_load(_RAY.read_text(encoding="utf-8"))
    config = prepare_config(given)
    validate_config(config)
    assert config["max_workers"] == len(given["provider"]["worker_ips"]) > 0
    for commands in ("head_start_ray_commands", "worker_start_ray_commands"):
        (start,) = [line for line in config[commands] if "ray start" in line]
        assert "RAY_AUTH_MODE=token" in start
    assert "--autoscaling-config" in "".join(config["head_start_ray_commands"])
    assert set(given["file_mounts"].values()) == {".", "~/.ray/auth_token"}
    # Ray expands nothing but what it sets on a node before it starts Ray there.
    assert given | {"worker_start_ray_commands": []} == json.loads(
        os.path.expandvars(json.dumps(given | {"worker_start_ray_commands": []}))
    )


def _deploy(api: str, *names: str, **variables: str) -> list[dict[str, Any]]:
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment |= {"PREFECT_API_URL": api, "BON_WORK_POOL": "a-pool", "COLUMNS": "200"}
    make = [*prefect, "work-pool", "create", "a-pool", "--type", "process", "--overwrite"]
    which = [part for name in names for part in ("--name", name)] or ["--all"]
    deploy = [*prefect, "deploy", "--prefect-file", "deployments/prefect.yaml", *which]
    for command in (make, deploy):
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    secret = os.environ.get("PREFECT_API_AUTH_STRING", "")
    auth = tuple(secret.split(":", 1)) if secret else None
    found = httpx.post(f"{api}/deployments/filter", json={}, auth=auth)  # type: ignore[arg-type]
    return [one for one in found.json() if one["work_pool_name"] == "a-pool"]


@pytest.mark.slow
def test_prefect_deploys_its_file(prefect_server: str) -> None:
    variables = {"RAY_ADDRESS": "head:6379", "RAY_AUTH_TOKEN_PATH": "/somewhere/token"}
    deployed = _deploy(prefect_server, **variables)
    assert {one["name"] for one in deployed} >= {"default", "nightly", "paper"}
    for one in deployed:
        assert one["job_variables"]["env"] == variables
        (step,) = one["pull_steps"]
        assert step["prefect.deployments.steps.set_working_directory"] == {
            "directory": "{{ $BON_SWEEP_HOME }}"  # for the worker to expand
        }
    unset = _deploy(prefect_server, "bon-sweep/paper")
    (paper,) = [one for one in unset if one["name"] == "paper"]
    assert paper["job_variables"]["env"] == dict.fromkeys(variables, "")
