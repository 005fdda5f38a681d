"""Nothing that a candidate or a file's name says reaches a terminal as more than text."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval import Finding, Severity, Status, Verdict
from kernels_eval.command import render_json, render_text
from tests.kernels_eval.conftest import HERE
from tests.kernels_eval.ordinary import ROOT

_HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\b\x00\u202egnp.exe\u2066\u2028\x7f\udc80"
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069]")


def _run(*arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "kernels_eval", *arguments],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )


@pytest.mark.parametrize("render", [render_text, render_json])
def test_a_verdict_steers_no_terminal(render: object) -> None:
    verdict = Verdict(
        Status.RUNTIME_ERROR,
        protocol="trusted",
        mode="fast",
        device="cpu",
        harness_id="h",
        error=_HOSTILE,
        findings=(Finding("rule", Severity.INFO, _HOSTILE),),
    )
    assert callable(render)
    shown = render(verdict)
    assert not _STEERS.search(shown)
    assert "owned" in shown
    shown.encode()  # a lone surrogate could not be printed
    if render is render_json:
        assert json.loads(shown)["error"] == _HOSTILE


@pytest.mark.parametrize("as_json", [False, True])
def test_candidates_and_their_names_steer_no_terminal(tmp_path: Path, as_json: bool) -> None:
    candidate = tmp_path / "a\x1b[2J\udc9b\u202eb.py"
    candidate.write_text(f"raise ValueError({_HOSTILE!r})\n")
    (tmp_path / "other.py").write_text("import sys\nprint('\\x1b[31m', flush=True)\nsys.exit(1)\n")
    problem = HERE / "problems" / "relu.py"
    done = _run(str(problem), str(tmp_path), *(["--json"] if as_json else []))
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    assert not _STEERS.search(shown)
    assert "owned" in shown
    assert shown.count("\n") == 2


def test_a_wrong_request_steers_no_terminal() -> None:
    for arguments in (
        (b"no\x1b[2J\xff\xe2\x80\xae.py", b"nothing.py"),
        (b"--\x1b[2J", b"a", b"b"),
        (b"a", b"b", b"--mode", b"\x1b[2J"),
    ):
        done = _run(*arguments)
        assert done.returncode == 2
        assert not _STEERS.search(done.stderr.decode())
        assert done.stderr.count(b"\n") == 1
        assert rb"\x1b[2J" in done.stderr
