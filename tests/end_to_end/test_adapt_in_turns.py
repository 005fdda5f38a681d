"""Policy, judges and trainer with one GPU between them, and with one each: the same adapters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from storage import Lake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PROFILE = """
suite = "embedded"
problems = [18]
policy = "embedded"
seed = 9

[adapt]
arms = ["centred"]
steps = 2
group = 4
reward = "threshold:0.001"
tail = 1
confirm = 1

[sampling]
max_tokens = 320

[judge]
timeout_s = 20.0
retime = 1
settle_s = 0.0
"""
CHECKPOINTS = """
    SELECT arm, step, checkpoint_id, sha256, optimizer_sha256 FROM checkpoints ORDER BY ALL
"""

Span = tuple[str, float, float]


def adapted(folder: Path, prefect_server: str, profile: str, gpus: int) -> tuple[Lake, list[Span]]:
    """The lake, and (who, from, to) of every process that held a GPU, in milliseconds."""
    (folder / "small.toml").write_text(profile)
    lake, out = folder / f"lake-{gpus}", folder / f"{gpus}.json"
    command = [sys.executable, "-m", "tests.end_to_end.in_turns", str(folder / "small.toml")]
    done = subprocess.run(
        [*command, str(lake), str(gpus), str(out)],
        capture_output=True,
        text=True,
        env=os.environ | {"PREFECT_API_URL": prefect_server, "RAY_ADDRESS": ""},
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[Any] = json.loads(out.read_text())
    return Lake.open(lake), [tuple(one) for one in sorted(found, key=lambda one: one[1])]


def alone(spans: list[Span]) -> list[str]:
    """Who was there, one after the other; nobody before the last one had gone."""
    for (_, _, ended), (_, began, _) in pairwise(spans):
        assert 0 < ended <= began
    return [who for who, _, _ in spans]


def test_one_at_a_time_on_one_gpu_and_the_same_adapters_as_with_three(
    prefect_server: str, tmp_path: Path
) -> None:
    """Each is started once a round: the policy's effect check and its next draws are one turn."""
    turns, spans = adapted(tmp_path, prefect_server, PROFILE, 1)
    assert alone(spans) == ["policy", "judges", *["trainer", "policy", "judges"] * 2]
    apart, beside = adapted(tmp_path, prefect_server, PROFILE, 3)
    assert sorted(who for who, _, _ in beside) == ["judges", "policy", "trainer"]
    made = turns.sql(CHECKPOINTS).to_pylist()
    assert len(made) == 2
    assert made == apart.sql(CHECKPOINTS).to_pylist()


def test_who_reads_after_the_verdicts_has_a_turn_for_it(
    prefect_server: str, tmp_path: Path
) -> None:
    """A teacher, and the base model whose scores an objective asks for: one turn for both."""
    reading = PROFILE.replace('"centred"', '"sdpo-prompt:ema", "centred+kl:0.1"')
    _, spans = adapted(tmp_path, prefect_server, reading.replace("steps = 2", "steps = 1"), 1)
    assert alone(spans) == ["policy", "judges", "policy", "trainer", "policy", "judges"]
