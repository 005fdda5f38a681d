"""A verdict always leaves the judge: infinities, and what is not a number, are null."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from kernels_eval import Difference, Status, Verdict
from kernels_eval.command import render_json, render_text
from tests.kernels_eval.ordinary import ROOT

_LACKING = {"nan": math.nan, "inf": math.inf, "minus": -math.inf}
_PROBLEM = """
import torch
from torch import nn
class Model(nn.Module):
    def forward(self, x):
        return {right}
def get_inputs():
    return [torch.randn(64, 64)]
"""
_CANDIDATE = """
import torch
from torch import nn
class ModelNew(nn.Module):
    def forward(self, x):
        return {returned}
"""
_ANSWERS = {
    "x * 2": [
        "x * math.nan",
        "x * math.inf",
        "-(x * 2).abs() * math.inf",
        "x + 1e38 * 10",
        "x * 2",
    ],
    "x.argmax(1)": ["x.argmin(1)", "x.argmax(1) + 2**62", "x.argmax(1)"],
    "x > 0": ["x <= 0", "x > 0"],
    "x.log()": ["x.abs().log()", "x.log() * math.nan", "x.log()"],
    "x.half().exp2()": ["(x * 1000).half().exp2()", "x.half().exp2()"],
    "torch.fft.rfft(x)": ["torch.fft.rfft(x) * math.inf", "torch.fft.rfft(x)"],
}
_COMMANDS = {
    "kernels_eval": ["-m", "kernels_eval"],
    "bon": ["-c", "import deployments.cli as c; c.main()", "eval"],
}


def _strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("command", _COMMANDS.values(), ids=_COMMANDS)
@pytest.mark.parametrize("right", _ANSWERS)
def test_every_candidate_has_a_document(tmp_path: Path, command: list[str], right: str) -> None:
    """The last one is right, and comes after all the others."""
    problem, candidates = tmp_path / "problem.py", tmp_path / "candidates"
    problem.write_text(_PROBLEM.format(right=right))
    candidates.mkdir()
    for number, returned in enumerate(_ANSWERS[right]):
        source = "import math\n" + _CANDIDATE.format(returned=returned)
        (candidates / f"{number}.py").write_text(source)
    done = subprocess.run(
        [sys.executable, *command, str(problem), str(candidates), "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    found = {Path(one["candidate"]).stem: one for one in map(_strict, done.stdout.splitlines())}
    *wrong, last = (found[str(number)]["status"] for number in range(len(_ANSWERS[right])))
    assert set(wrong) == {"incorrect"}
    assert last == "correct"


@pytest.mark.parametrize("lacking", _LACKING.values(), ids=_LACKING)
def test_every_number_of_a_verdict_may_be_one_that_json_lacks(lacking: float) -> None:
    off = Difference(0, (0,), lacking, lacking, lacking, lacking)
    verdict = Verdict(Status.INCORRECT, "trusted", "fast", "cpu", "h", difference=off)
    numbers: dict[str, Any] = {"speedup_ci": (lacking, lacking)}
    for field in fields(Verdict):
        if "float" in str(field.type) and field.name != "speedup_ci":
            numbers[field.name] = (lacking,) if "tuple" in str(field.type) else lacking
    assert {"speedup", "error_ratio", "candidate_trials_ms", "bound_ms"} <= numbers.keys()
    numbers["seconds"] = replace(verdict.seconds, wall=lacking)
    document = _strict(render_json(replace(verdict, **numbers)))
    assert document["speedup"] is None
    assert document["speedup_ci"] == [None, None]
    assert document["candidate_trials_ms"] == [None]
    assert document["difference"]["absolute"] is None
    assert document["seconds"]["wall"] is None
    render_text(replace(verdict, **numbers))
