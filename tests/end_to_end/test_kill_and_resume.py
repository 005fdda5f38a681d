"""A sweep killed at random moments and started again ends where an undisturbed one does."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from storage import Lake
from storage.schemas import TABLES
from tests.end_to_end.conftest import WHOLE, Undisturbed

KILLS = 5
NOTHING: Mapping[str, str] = {}

DRAWS = """
    SELECT c.problem_id, c.sample_index, c.source_hash, c.seed, c.n_tokens, t.token_ids, r.status
    FROM candidates c
    JOIN token_logprobs t USING (run_id, suite, level, problem_id, sample_index)
    JOIN results r USING (run_id, suite, level, problem_id, sample_index)
    ORDER BY ALL
"""
VERDICTS = """
    SELECT e.problem_id, e.source_hash, e.status, count(t.evaluation_id) AS timings
    FROM evaluations e LEFT JOIN timings t USING (evaluation_id)
    GROUP BY e.evaluation_id, e.problem_id, e.source_hash, e.status ORDER BY ALL
"""
SIZES = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in TABLES)


def start(lake: Path, running: Mapping[str, str] = NOTHING) -> subprocess.Popen[bytes]:
    """The sweep, with a Prefect server and a Ray of its own unless `running` names them."""
    environment = os.environ | running
    command = [sys.executable, "-m", "deployments.cli", *WHOLE, "--lake", str(lake)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )


def kill(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """SIGKILL to the command alone; returns its descendants, which are to end by themselves."""
    family = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return family


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_five_random_moments(
    tmp_path: Path, undisturbed: Undisturbed, to_end: list[psutil.Process]
) -> None:
    disturbed = tmp_path / "disturbed"
    rng = random.Random(os.environ.get("BON_KILL_SEED"))  # unset: other moments every time
    killed_alive = 0
    for round_ in range(KILLS):
        # The first with servers of its own, which have to end with it.
        process = start(disturbed, undisturbed.running if round_ else NOTHING)
        time.sleep(rng.uniform(0.15, 0.95) * undisturbed.seconds)
        if process.poll() is None:
            killed_alive += 1
            to_end += kill(process)
        if (disturbed / "runs").is_dir():
            Lake.open(disturbed).sql(SIZES)  # no half-written file that a reader trips over
    assert killed_alive
    assert start(disturbed, undisturbed.running).wait(timeout=240) == 0

    expected, found = Lake.open(undisturbed.lake), Lake.open(disturbed)
    assert found.sql(DRAWS).equals(expected.sql(DRAWS))
    verdicts = found.sql(VERDICTS).to_pylist()
    assert verdicts == expected.sql(VERDICTS).to_pylist()
    keys = [(row["problem_id"], row["source_hash"]) for row in verdicts]
    assert len(keys) == len(set(keys)), "a source was measured twice"
    sizes = found.sql(SIZES).to_pylist()[0]
    assert sizes == expected.sql(SIZES).to_pylist()[0]
    assert sizes["candidates"] == sizes["token_logprobs"] == 12
