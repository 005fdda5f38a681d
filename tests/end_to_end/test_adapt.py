"""An adaptation, whole; and killed, extended and robbed of a checkpoint: it ends the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from flows.errors import in_a_line
from storage import Lake
from storage.folders import file_sha256
from tasks.adapt.actor import RESTARTS, TrainerHandle, start_trainer
from tasks.adapt.anchors import LEAST, anchor_shifts
from tasks.adapt.checkpoint import ADAPTER_FILE, OPTIMIZER_FILE
from tasks.adapt.numbering import purpose_of
from tasks.adapt.trainers.local import LocalSettings
from tasks.errors import RequestError, TrainerLostError
from tasks.probe.stored import stored_findings
from tasks.report.build import sections
from tasks.report.data import gather
from tests.conftest import StartingServer
from tests.end_to_end.test_kill_and_resume import DRAWS, VERDICTS, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Rewards tell correct from incorrect and nothing else, and the teacher is told nothing: times are
# not the same twice.
PROFILE = """
suite = "embedded"
problems = [18, 89]
policy = "embedded"
seed = 9

[adapt]
arms = ["centred", "placebo", "sdpo-prompt:ema"]
steps = 2
group = 4
reward = "threshold:0.001"
tail = 1
confirm = 2

[sampling]
max_tokens = 320

[judge]
timeout_s = 20.0
retime = 0
settle_s = 0.0
"""

TRAINED = ("centred", "placebo", "sdpo-prompt:ema")

STEPS = """
    SELECT * EXCLUDE (seconds, made_at, sequence) FROM train_steps ORDER BY arm, unit, step
"""
CHECKPOINTS = """
    SELECT * EXCLUDE (policy, created_at, sequence) FROM checkpoints ORDER BY arm, unit, step
"""
ITEMS = """
    SELECT * EXCLUDE (evaluation_id, sequence) FROM train_items
    ORDER BY arm, unit, step, problem_id, sample_index
"""
SPENT = """
    SELECT * EXCLUDE (seconds, spent_at, sequence) FROM spend ORDER BY arm, unit, step, stage
"""
USABLE = """
    SELECT count(DISTINCT (problem_id, source_hash)) AS n FROM results
    WHERE arm = 'base' AND step = 0 AND purpose = 'round' AND correct
"""
ANCHORS = """
    SELECT DISTINCT problem_id, round, sample_index, source_hash, status FROM anchors ORDER BY ALL
"""
PLACES = """
    SELECT arm, unit, step, checkpoint_id, policy_id, problem_id, sample_index, seed, purpose
    FROM candidates ORDER BY problem_id, sample_index
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


def command(lake: Path, *more: str) -> list[str]:
    asked = ["adapt", "--run", "whole", "--lake", str(lake), "--json", *more]
    return [sys.executable, "-m", "deployments.cli", *asked]


@pytest.fixture(scope="module")
def whole(
    running: dict[str, str], profile: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Lake, dict[str, Any]]:
    """An undisturbed adaptation: its lake and its document."""
    lake = tmp_path_factory.mktemp("whole") / "lake"
    done = subprocess.run(
        command(lake, "--profile", str(profile)),
        capture_output=True,
        text=True,
        env=os.environ | running,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return Lake.open(lake), json.loads(done.stdout)


def test_every_arm_has_its_draws_and_its_numbers(whole: tuple[Lake, dict[str, Any]]) -> None:
    lake, document = whole
    assert set(document["arms"]) == {"base", *TRAINED}
    for arm in document["arms"].values():
        assert arm["budget"] == arm["rollouts"] == 2 * (4 + 1) * 3
        assert 0 <= arm["fast_1"]["low"] <= arm["fast_1"]["mean"] <= arm["fast_1"]["high"] <= 1
        assert arm["delivered_speedup"]["mean"] >= 1
        assert arm["boa"]["naive"] >= 0
        assert 0 <= arm["boa"]["fresh"] <= 1
        assert set(arm["equivalent_k"]) >= {"mean", "low", "high", "censored"}
        assert arm["verdict"]
    drifted = [guard for guard in document["guards"].values() if guard["passed"] is False]
    few = "nothing is shown: 2 problems are too few for any test"
    said = "the evaluator drifted; no verdict" if drifted else few
    assert document["verdict"].startswith(said)
    (run,) = lake.runs().to_pylist()
    assert (run["kind"], run["k"], run["candidates"]) == ("adapt", 15, 2 * (4 + 1 + 2) * 3)
    drawn = lake.sql(
        "SELECT arm, step, purpose, count(*) AS n FROM candidates GROUP BY ALL ORDER BY ALL"
    )
    steps = [("base", step) for step in (0, 1, 2)]
    steps += [(arm, step) for arm in TRAINED for step in (1, 2)]
    under_each = [("confirm", 4), ("round", 8), ("tail", 2)]
    expected = [(*step, *draws) for step in steps for draws in under_each]
    assert [tuple(row.values()) for row in drawn.to_pylist()] == expected
    numbers = lake.sql("SELECT sample_index, purpose FROM candidates").to_pylist()
    assert all(purpose_of(row["sample_index"]) == row["purpose"] for row in numbers)
    learned = lake.sql("SELECT DISTINCT sample_index FROM train_items")["sample_index"].to_pylist()
    assert {purpose_of(index) for index in learned} == {"round"}


def test_every_later_round_measures_the_same_anchors_anew(
    whole: tuple[Lake, dict[str, Any]],
) -> None:
    lake, _ = whole
    shifts = anchor_shifts(lake, "whole")
    first, second = (
        [(one.problem, one.sample_index) for one in shifts if one.round == round_]
        for round_ in (1, 2)
    )
    usable = lake.sql(USABLE)["n"][0].as_py()
    assert len(first) == min(LEAST, usable) > 1
    assert first == second
    assert all(one.log_ratio is not None for one in shifts if one.status == "correct")
    sources = {(row["problem_id"], row["source_hash"]) for row in lake.sql(ANCHORS).to_pylist()}
    judged = lake.sql("SELECT problem_id, source_hash, count(*) AS n FROM evaluations GROUP BY ALL")
    counts = {(row["problem_id"], row["source_hash"]): row["n"] for row in judged.to_pylist()}
    assert {counts[source] for source in sources} == {1}


def test_steps_take_effect_and_are_on_disk(whole: tuple[Lake, dict[str, Any]]) -> None:
    lake, _ = whole
    steps = lake.sql("SELECT * FROM train_steps").to_pylist()
    assert len(steps) == 3 * 2 * 2
    assert {step["status"] for step in steps} <= {"done", "no_signal"}
    done = [step for step in steps if step["status"] == "done"]
    assert done, "no step had a signal: take another seed"
    assert all(step["mismatch_mean"] < 1e-4 and step["kl_from_base"] > 0 for step in done)
    rows = lake.sql("SELECT * FROM checkpoints").to_pylist()
    assert {row["checkpoint_id"] for row in rows} == {step["checkpoint_id"] for step in done}
    for row in rows:
        folder = lake.root / row["path"]
        assert file_sha256(folder / ADAPTER_FILE) == row["sha256"]
        assert file_sha256(folder / OPTIMIZER_FILE) == row["optimizer_sha256"]
    by_weights = lake.sql(
        "SELECT checkpoint_id, count(DISTINCT policy_id) AS n FROM candidates GROUP BY ALL"
    )
    assert set(by_weights["n"].to_pylist()) == {1}
    policies = lake.sql("SELECT count(DISTINCT policy_id) AS n FROM candidates")["n"][0].as_py()
    assert policies == len(by_weights)


def test_spend_adds_up_to_what_was_drawn_and_judged(whole: tuple[Lake, dict[str, Any]]) -> None:
    lake, _ = whole
    (spent,) = lake.sql(
        "SELECT sum(rollouts) AS rollouts, sum(completion_tokens) AS tokens, "
        "sum(evaluations) AS evaluations FROM spend"
    ).to_pylist()
    (held,) = lake.sql(
        "SELECT (SELECT count(*) FROM candidates) AS rollouts, "
        "(SELECT sum(n_tokens) FROM candidates) AS tokens, "
        "(SELECT count(*) FROM evaluations) + (SELECT count(*) FROM anchors) AS evaluations"
    ).to_pylist()
    assert spent == held


def test_killed_extended_and_robbed_it_ends_where_it_does(
    whole: tuple[Lake, dict[str, Any]],
    running: dict[str, str],
    profile: Path,
    tmp_path: Path,
    to_end: list[psutil.Process],
) -> None:
    path, said = tmp_path / "lake", tmp_path / "said.txt"

    def parts(table: str) -> int:
        return len(list(path.glob(f"{table}/*/run_id=whole/part-*.parquet")))

    def run(*more: str, until: Callable[[], bool] | None = None) -> None:
        """To the end, or with SIGKILL as soon as `until` is true."""
        with said.open("w") as log:
            process = subprocess.Popen(
                command(path, *more), stdout=log, stderr=log, env=os.environ | running
            )
        if until is None:
            assert process.wait(timeout=600) == 0, said.read_text()
            return
        while not until():
            assert process.poll() is None, f"it ended unkilled: {said.read_text()}"
            time.sleep(0.02)
        to_end.extend(kill(process))

    first = ("--profile", str(profile), "--steps", "1")
    run(*first, until=lambda: parts("candidates") >= 1)
    run(*first, until=lambda: any((path / "adapters").glob("*")))  # maybe without its row
    run()
    assert len(Lake.open(path).sql("SELECT DISTINCT step FROM train_steps")) == 1
    run("--steps", "2", until=lambda: parts("train_steps") >= 7)
    lake = Lake.open(path)
    robbed = lake.sql("SELECT path FROM checkpoints WHERE step = 1 ORDER BY ALL LIMIT 1")
    shutil.rmtree(path / robbed["path"][0].as_py())
    run()

    expected, _ = whole
    for query in (PLACES, DRAWS, VERDICTS, STEPS, CHECKPOINTS, ITEMS, SPENT, ANCHORS):
        assert lake.sql(query).to_pylist() == expected.sql(query).to_pylist()
    rows = lake.sql("SELECT path, sha256 FROM checkpoints").to_pylist()
    assert all(file_sha256(path / row["path"] / ADAPTER_FILE) == row["sha256"] for row in rows)


def test_a_teachers_tokens_are_in_the_ledger(whole: tuple[Lake, dict[str, Any]]) -> None:
    lake, _ = whole
    (read,) = lake.sql(
        "SELECT sum(teacher_tokens) AS read, sum(prefill_tokens) AS prompts, "
        "min(seconds) AS least FROM spend WHERE stage = 'score'"
    ).to_pylist()
    (learned,) = lake.sql(
        "SELECT sum(n_tokens) AS drawn, sum(n_prompt_tokens) AS prompts FROM train_items "
        "JOIN candidates USING (suite, level, problem_id, sample_index) "
        "WHERE starts_with(train_items.arm, 'sdpo')"
    ).to_pylist()
    assert read["read"] == learned["drawn"]
    assert read["prompts"] > learned["prompts"]  # and a line that asks again
    assert read["least"] > 0


def test_more_that_confirm_are_drawn_and_nothing_else(
    whole: tuple[Lake, dict[str, Any]], running: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(whole[0].root, tmp_path / "lake")
    done = subprocess.run(
        command(tmp_path / "lake", "--confirm", "3"),
        capture_output=True,
        text=True,
        env=os.environ | running,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    lake, document = Lake.open(tmp_path / "lake"), json.loads(done.stdout)
    for query in (STEPS, CHECKPOINTS, ITEMS, "SELECT * FROM anchors ORDER BY ALL"):
        assert lake.sql(query).to_pylist() == whole[0].sql(query).to_pylist()
    more = lake.sql(
        "SELECT arm, step, count(*) AS n FROM candidates WHERE purpose = 'confirm' GROUP BY ALL"
    ).to_pylist()
    assert {row["n"] for row in more} == {2 * 3}
    assert len(more) == 3 + 3 * 2
    for name, arm in document["arms"].items():
        before = whole[1]["arms"][name]
        assert {key: arm[key] for key in ("budget", "rollouts", "fast_1", "delivered_speedup")} == {
            key: before[key] for key in ("budget", "rollouts", "fast_1", "delivered_speedup")
        }
    assert (
        lake.sql("SELECT * FROM budget ORDER BY ALL").to_pylist()
        == whole[0].sql("SELECT * FROM budget ORDER BY ALL").to_pylist()
    )


def test_a_probe_scores_the_base_arms_draws_under_every_checkpoint_once(
    whole: tuple[Lake, dict[str, Any]], running: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "lake"
    shutil.copytree(whole[0].root, path)
    lake = Lake.open(path)

    def probe(*more: str) -> subprocess.CompletedProcess[str]:
        asked = ["probe", "whole", "--lake", str(path), "--json", *more]
        return subprocess.run(
            [sys.executable, "-m", "deployments.cli", *asked],
            capture_output=True,
            text=True,
            env=os.environ | running,
            check=False,
            timeout=300,
        )

    done = probe()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["draws"] == 2 * (4 + 1 + 2) * 3
    assert found["reproduced"] < 1e-4
    steps = {(one["arm"], one["step"]): one for one in found["steps"]}
    assert set(steps) == {("base", step) for step in range(3)} | {
        (arm, step) for arm in TRAINED for step in (1, 2)
    }
    rows = lake.sql("SELECT arm, step, count(*) AS n FROM checkpoints GROUP BY ALL").to_pylist()
    made = {(row["arm"], row["step"]): row["n"] for row in rows}
    for place, one in steps.items():
        assert one["draws"] == 2 * (4 + 1 + 2)
        assert one["rho"]["problems"] <= one["problems"] == 2
        assert one["moved"] >= made.get(place, 0)
        assert (one["kl_from_base"] > 0) == (one["moved"] > 0)
        assert 0 <= one["hack_rate"] <= 1
        assert one["pass_at_k"]["1"] <= one["pass_at_k"]["4"]
    surprises = {one["surprise"] for one in steps.values()}
    assert len(surprises) > 2, "no checkpoint thinks otherwise than the base model"
    (spent,) = lake.sql("SELECT sum(seconds) AS s FROM spend WHERE stage = 'probe'").to_pylist()
    assert spent["s"] > 0

    assert stored_findings(whole[0], "whole") == []
    stored = {(one.arm, one.step): one for one in stored_findings(lake, "whole")}
    assert {place: one.surprise for place, one in stored.items()} == {
        place: one["surprise"] for place, one in steps.items()
    }
    assert "probe" in {one.name for one in sections(gather(lake, ["whole"]))}

    again = json.loads(probe().stdout)
    assert again["scored"] == 0
    assert again | {"scored": found["scored"]} == found

    rows = lake.sql("SELECT * FROM candidates WHERE arm = 'base'").to_pylist()
    tokens = lake.sql("SELECT * FROM token_logprobs").to_pylist()
    verdicts = lake.sql("SELECT * EXCLUDE sequence FROM evaluations").to_pylist()
    other = [row | {"mean_logprob": row["mean_logprob"] - 0.01} for row in rows]
    for run, drawn in (("other", other), ("same", rows)):
        tables = {"candidates": drawn, "token_logprobs": tokens, "evaluations": verdicts}
        for table, held in tables.items():
            lake.append(table, [row | {"run_id": run} for row in held], run_id=run, part="all")
    refused = probe("--draws", "other")
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert "are stored of them (mean |Δ| 0.0100, 0.001 at most)" in line

    shutil.rmtree(next((path / "adapters").iterdir()))
    refused = probe("--draws", "same")
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert "`bon adapt --run` or `bon train --run`, makes it again" in line


class _Frail:
    """Dies in its first `deaths` lives, which it counts in a file."""

    def __init__(self, lives: Path, deaths: int) -> None:
        lives.write_text(lives.read_text() + "x" if lives.exists() else "x")
        self._dies = len(lives.read_text()) <= deaths

    def trainer_id(self) -> str:
        if self._dies:
            os._exit(1)
        return "local-frail"


@pytest.mark.usefixtures("ray_address")
def test_a_trainer_that_dies_once_is_asked_again_and_one_that_dies_twice_is_given_up(
    tmp_path: Path,
) -> None:
    frail = ray.remote(_Frail).options(num_cpus=0, max_restarts=RESTARTS)
    assert TrainerHandle(frail.remote(tmp_path / "once", 1)).trainer_id == "local-frail"
    with pytest.raises(TrainerLostError, match="died 2 times") as found:
        TrainerHandle(frail.remote(tmp_path / "twice", 2)).trainer_id  # noqa: B018
    assert in_a_line(found.value) == (str(found.value), 1)


@pytest.mark.usefixtures("ray_address")
def test_what_a_trainer_refuses_comes_as_it_was_raised(tmp_path: Path) -> None:
    trainer = start_trainer(LocalSettings(base=tmp_path))
    try:
        with pytest.raises(RequestError, match="no model in"):
            trainer.trainer_id  # noqa: B018
    finally:
        trainer.close()
