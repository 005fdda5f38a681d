"""A training, whole; killed and extended, it ends the same; and its checkpoint goes elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage import Lake
from tasks.adapt.checkpoint import ADAPTER_FILE, file_sha256
from tests.conftest import StartingServer
from tests.end_to_end.test_adapt import (
    ANCHORS,
    CHECKPOINTS,
    ITEMS,
    PLACES,
    SPENT,
    STEPS,
)
from tests.end_to_end.test_kill_and_resume import DRAWS, VERDICTS, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Rewards tell correct from incorrect and nothing else: times are not the same twice.
PROFILE = """
suite = "embedded"
problems = [18, 89]
policy = "embedded"
seed = 9

[train]
batch = 2
checkpoint_every = 1
eval_problems = [30]

[adapt]
arms = ["centred"]
steps = 2
group = 4
unit = "batch"
reward = "threshold:0.001"
confirm = 2

[sampling]
max_tokens = 320

[judge]
timeout_s = 20.0
"""


@pytest.fixture(scope="module")
def running(
    ray_address: str, prefect_server: str, prefect_starting: StartingServer
) -> dict[str, str]:
    assert prefect_starting.process.poll() is None
    return {"PREFECT_API_URL": prefect_server, "RAY_ADDRESS": ray_address}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "small.toml"
    path.write_text(PROFILE)
    return path


def command(lake: Path, *more: str, name: str = "train", run: str = "whole") -> list[str]:
    asked = [name, "--run", run, "--lake", str(lake), "--json", *more]
    return [sys.executable, "-m", "deployments.cli", *asked]


def document(asked: list[str], running: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        asked, capture_output=True, text=True, env=os.environ | running, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def whole(
    running: dict[str, str], profile: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Lake, dict[str, Any]]:
    """An undisturbed training: its lake and its document."""
    lake = tmp_path_factory.mktemp("whole") / "lake"
    found = document(command(lake, "--profile", str(profile)), running)
    return Lake.open(lake), found


def test_steps_learn_from_some_problems_and_others_judge_them(
    whole: tuple[Lake, dict[str, Any]],
) -> None:
    lake, found = whole
    (kind,) = lake.sql("SELECT kind FROM runs_latest")["kind"].to_pylist()
    assert kind == "train"
    drawn = lake.sql(
        "SELECT arm, step, purpose, problem_id, count(*) AS n FROM candidates "
        "GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    assert [tuple(row.values()) for row in drawn] == [
        ("base", 0, "confirm", 30, 2),
        *(("base", 0, "round", problem, 4) for problem in (18, 89)),
        ("centred", 1, "confirm", 30, 2),
        *(("centred", 1, "round", problem, 4) for problem in (18, 89)),
        ("centred", 2, "confirm", 30, 2),
    ]
    learned = lake.sql("SELECT DISTINCT problem_id FROM train_items")["problem_id"].to_pylist()
    assert sorted(learned) == [18, 89]
    steps = lake.sql("SELECT status, kl_from_base FROM train_steps ORDER BY step").to_pylist()
    assert [step["status"] for step in steps] == ["done", "done"], "take another seed"
    arm = found["arms"]["centred"]
    assert arm["steps"] == {"done": 2}
    rows = lake.sql("SELECT checkpoint_id FROM checkpoints ORDER BY step").to_pylist()
    policies = ["embedded", *(f"checkpoint:{row['checkpoint_id']}" for row in rows)]
    assert [one["policy"] for one in arm["evaluations"]] == policies
    assert [(one["step"], one["draws"]) for one in arm["evaluations"]] == [(0, 2), (1, 2), (2, 2)]
    assert arm["best"]["policy"] in policies
    assert (found["problems"], found["held_out"], found["unfinished"]) == (2, 1, 0)
    drifted = found["guards"]["anchors"]["passed"] is False
    said = "the evaluator drifted" if drifted else "nothing is shown of centred: 1 problem"
    assert found["verdict"].startswith(said)


def test_spend_tells_learning_from_evaluating(whole: tuple[Lake, dict[str, Any]]) -> None:
    lake, _ = whole
    spent = lake.sql(
        "SELECT stage, sum(rollouts) AS n FROM spend WHERE rollouts > 0 GROUP BY ALL ORDER BY ALL"
    )
    assert spent.to_pylist() == [{"stage": "confirm", "n": 6}, {"stage": "sample", "n": 16}]
    (made,) = lake.sql(
        "SELECT (SELECT sum(evaluations) FROM spend) AS paid, "
        "(SELECT count(*) FROM evaluations) + (SELECT count(*) FROM anchors) AS held"
    ).to_pylist()
    assert made["paid"] == made["held"]


def test_killed_and_extended_it_ends_where_it_does(
    whole: tuple[Lake, dict[str, Any]],
    running: dict[str, str],
    profile: Path,
    tmp_path: Path,
    to_end: list[psutil.Process],
) -> None:
    path, said = tmp_path / "lake", tmp_path / "said.txt"
    first = ("--profile", str(profile), "--steps", "1")
    with said.open("w") as log:
        process = subprocess.Popen(
            command(path, *first), stdout=log, stderr=log, env=os.environ | running
        )
    while not any((path / "adapters").glob("*")):  # maybe without its row
        assert process.poll() is None, f"it ended unkilled: {said.read_text()}"
        time.sleep(0.02)
    to_end.extend(kill(process))
    found = document(command(path, "--steps", "2"), running)
    lake, (expected, document_of_whole) = Lake.open(path), whole
    for query in (PLACES, DRAWS, VERDICTS, STEPS, CHECKPOINTS, ITEMS, SPENT, ANCHORS):
        assert lake.sql(query).to_pylist() == expected.sql(query).to_pylist(), query
    rows = lake.sql("SELECT path, sha256 FROM checkpoints").to_pylist()
    assert all(file_sha256(path / row["path"] / ADAPTER_FILE) == row["sha256"] for row in rows)
    policies = [
        [one["policy"] for one in of["arms"]["centred"]["evaluations"]]
        for of in (found, document_of_whole)
    ]
    assert policies[0] == policies[1]


def test_its_checkpoint_is_a_policy_for_a_sweep_and_for_an_adaptation(
    whole: tuple[Lake, dict[str, Any]], running: dict[str, str]
) -> None:
    lake, found = whole
    last = found["arms"]["centred"]["evaluations"][-1]["policy"]
    (row,) = lake.sql("SELECT * FROM checkpoints WHERE step = 2").to_pylist()
    few = ("--problems", "30", "--max-tokens", "320", "--policy", last)
    document(
        command(lake.root, *few, "-k", "2", "--device", "none", name="sweep", run="swept"), running
    )
    drawn = lake.sql("SELECT DISTINCT policy_id FROM candidates", ["swept"])
    assert drawn["policy_id"].to_pylist() == [row["policy_id"]]
    more = ("--arms", "placebo", "--steps", "1", "-g", "2", "--step-size", "lr:0.001")
    document(command(lake.root, *few, *more, name="adapt", run="inner"), running)
    by_arm = lake.sql(
        "SELECT arm, step, policy_id, checkpoint_id FROM candidates GROUP BY ALL", ["inner"]
    ).to_pylist()
    assert {one["policy_id"] for one in by_arm if one["arm"] == "base"} == {row["policy_id"]}
    steps = lake.sql("SELECT * FROM train_steps", ["inner"]).to_pylist()
    assert {one["status"] for one in steps} <= {"done", "no_signal"}
    (asked,) = lake.sql("SELECT policy FROM runs_latest", ["inner"]).to_pylist()
    assert asked["policy"] == f"embedded#checkpoint={row['checkpoint_id']}"
