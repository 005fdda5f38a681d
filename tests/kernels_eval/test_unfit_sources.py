"""What a candidate's file holds is its own fault, and that of no other file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval import Judge, Status
from kernels_eval.config import LARGEST_CANDIDATE
from kernels_eval.host import JudgeHost
from kernels_eval.screening import screen
from tests.kernels_eval.conftest import HERE, problem_source
from tests.kernels_eval.ordinary import ROOT

_RIGHT = (HERE / "honest" / "relu_torch.py").read_text()
_LONG = _RIGHT + "#" * LARGEST_CANDIDATE
_SURROGATE = _RIGHT + "# \udc80\n"


def test_unfit_files_spoil_no_other(tmp_path: Path) -> None:
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00" * 9)
    (tmp_path / "long.py").write_text(_LONG)
    (tmp_path / "right.py").write_text(_RIGHT)
    done = subprocess.run(
        [sys.executable, "-m", "kernels_eval", HERE / "problems/relu.py", tmp_path, "--json"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = {Path(line["candidate"]).name: line for line in lines}
    assert {name: line["status"] for name, line in found.items()} == {
        "binary.py": "compile_error",
        "long.py": "compile_error",
        "right.py": "correct",
    }
    assert "no UTF-8" in found["binary.py"]["error"]
    assert f"more than {LARGEST_CANDIDATE:,} bytes" in found["long.py"]["error"]


def test_one_unfit_file_is_a_verdict_too(tmp_path: Path) -> None:
    binary = tmp_path / "binary.py"
    binary.write_bytes(b"\x80")
    done = subprocess.run(
        [sys.executable, "-m", "kernels_eval", HERE / "problems/relu.py", binary, "--json"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "compile_error"


@pytest.mark.parametrize(("source", "said"), [(_LONG, "bytes"), (_SURROGATE, "UTF-8")])
def test_unfit_sources_spoil_no_other(judge: Judge, source: str, said: str) -> None:
    found = dict(judge.evaluate_many(problem_source("relu"), [source, _RIGHT]))
    assert found[0].status is Status.COMPILE_ERROR
    assert found[0].error is not None
    assert said in found[0].error
    assert found[1].correct, found[1].error


def test_a_host_hands_an_unfit_source_over() -> None:
    from kernels_eval import JudgeConfig

    with JudgeHost(JudgeConfig()) as host:
        found = dict(host.evaluate_many(problem_source("relu"), [_SURROGATE, _RIGHT]))
    assert found[0].status is Status.COMPILE_ERROR
    assert found[1].correct, found[1].error


def test_findings_are_few_and_short() -> None:
    lines = "".join(f"time.x{number} = 1\n" for number in range(5000))
    found = screen(f"import time\n{lines}time.{'y' * 5000} = 1\nimport socket\n")
    assert [one.rule for one in found].count("patching") == 17
    assert "more of the kind" in found[16].message
    assert [one.rule for one in found].count("peeking") == 1
    (single,) = screen(f"import time\ntime.{'y' * 5000} = 1\n")
    assert len(single.message) < 400
