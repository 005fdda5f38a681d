"""Honest approaches in Triton are right, and a confused axis is not: run by Triton's interpreter.

No GPU is needed, but triton is; small, ragged shapes against the reference in float64.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tasks.problems import load_suite
from tests.tasks.policies.embedded.corpus.triton.interpreted import to_run

pytest.importorskip("triton", reason="triton is not installed; its interpreter needs no GPU")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

IDS = [problem.problem_id for problem in load_suite("embedded").problems]
INTERPRETED = "tests.tasks.policies.embedded.corpus.triton.interpreted"


@cache
def outcomes(problem_id: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", INTERPRETED, str(problem_id)],
        env={**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("problem_id", IDS)
def test_honest_approaches_are_right(problem_id: int) -> None:
    found = {one["approach"]: one for one in outcomes(problem_id) if one["mistake"] is None}
    assert set(found) == {f"{one.mode} {one.name}" for one in to_run(problem_id)}
    assert len(found) > 7
    for name, one in found.items():
        # Sums of 10⁴ terms in float32 are about 1e-6 off; half precision is 2e-4 off.
        assert one.get("distance", 1.0) < 1e-5, f"{name}: {one}"


def test_a_confused_axis_is_wrong() -> None:
    found = [one for i in IDS for one in outcomes(i) if one["mistake"] == "axis"]
    assert len(found) > 20
    for one in found:
        assert "error" in one or not one["distance"] < 1e-3, one
