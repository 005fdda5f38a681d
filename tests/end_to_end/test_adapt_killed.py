"""Killed while a teacher reads the draws, and while a probe scores them: the same rows."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from storage import Lake
from tests.conftest import StartingServer
from tests.end_to_end.test_kill_and_resume import kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# The teacher is told nothing, and the reward tells correct from incorrect: times are not the same
# twice.
PROFILE = """
suite = "embedded"
problems = [89]
policy = "embedded"
seed = 9

[adapt]
arms = ["sdpo-prompt"]
steps = 1
group = 4
reward = "threshold:0.001"

[sampling]
max_tokens = 320

[judge]
timeout_s = 20.0
retime = 0
settle_s = 0.0
"""

LEARNED = """
    SELECT
        step, sample_index, train_items.reward, advantage, status, n_tokens, checkpoint_id, sha256
    FROM train_items JOIN train_steps USING (arm, unit, step)
    JOIN checkpoints USING (arm, unit, step, checkpoint_id) ORDER BY ALL
"""
READ = """
    SELECT arm, step, stage, prefill_tokens, teacher_tokens, trained_tokens FROM spend
    WHERE stage IN ('score', 'train') ORDER BY ALL
"""
SCORED = """
    SELECT checkpoint_id, draws_run, sample_index, n_tokens, round(sum_logprob, 3) AS logprob
    FROM probes ORDER BY ALL
"""


def test_what_was_killed_ends_where_the_undisturbed_does(
    ray_address: str,
    prefect_server: str,
    prefect_starting: StartingServer,
    tmp_path: Path,
    to_end: list[psutil.Process],
) -> None:
    assert prefect_starting.process.poll() is None
    profile = tmp_path / "small.toml"
    profile.write_text(PROFILE)
    moments = random.Random(os.environ.get("BON_KILL_SEED"))  # unset: others every time

    def run(lake: Path, *asked: str, until: Callable[[], bool] | None = None) -> None:
        """To its end; or killed within half a second from when `until` is true."""
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.cli", *asked, "--lake", str(lake), "--json"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PREFECT_API_URL": prefect_server, "RAY_ADDRESS": ray_address},
        )
        if until is None:
            assert process.wait(timeout=400) == 0
            return
        while not until():
            assert process.poll() is None, "it ended unkilled"
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.5))
        assert process.poll() is None, "it ended unkilled"
        to_end.extend(kill(process))

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    adapt, probe = ("adapt", "--run", "r", "--profile", str(profile)), ("probe", "r")
    # Once a round is paid for its draws are learned from, and the teacher reads them first.
    paid = killed / "spend" / "schema=v1" / "run_id=r" / "part-round-0.parquet"
    run(killed, *adapt, until=paid.exists)
    run(killed, *adapt)
    run(killed, *probe, until=lambda: any(killed.glob("probes/*/*/part-*.parquet")))
    for lake, asked in ((killed, probe), (whole, adapt), (whole, probe)):
        run(lake, *asked)

    for query, least in ((LEARNED, 4), (READ, 2), (SCORED, 3 * 4)):
        found = Lake.open(killed).sql(query).to_pylist()
        assert len(found) >= least
        assert found == Lake.open(whole).sql(query).to_pylist()
