"""Two judges on one machine give the verdicts that each gives alone."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kernels_eval.conftest import HERE
from tests.kernels_eval.ordinary import ROOT, OrdinaryUser, ordinary_environment, ordinary_user
from tests.kernels_eval.test_interrupts import _MAIN, _PLANS

_BUSY = """
import threading
import torch
from torch import nn
from kernels_eval.backends.cpp import load

threads = [threading.Thread(target=load, args=('extern "C" void f() {}',)) for _ in range(4)]
waits = threading.Event()
threads += [threading.Thread(target=waits.wait) for _ in range(90)]
for thread in threads:
    thread.start()
for thread in threads[:4]:
    thread.join()
waits.set()


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
"""
"""Holds most of the processes that it may, while compilers run."""
_EXPECTED = {
    "busy0.py": "correct",
    "busy1.py": "correct",
    "none.py": "compile_error",
    "forks.py": "compile_error",
}


def _candidates(folder: Path) -> None:
    for name in ("busy0.py", "busy1.py"):
        (folder / name).write_text(f"{_BUSY}\n# {name}\n")
    (folder / "none.py").write_text("import nothing_of_that_name\n")
    (folder / "forks.py").write_text(
        "import os, time\nwhile True:\n    if os.fork() == 0:\n        time.sleep(60)\n"
    )


def _started(user: OrdinaryUser, plan: str, folder: Path) -> subprocess.Popen[str]:
    problem = HERE / "problems" / "relu.py"
    return subprocess.Popen(
        user.python("-c", _MAIN, plan, str(problem), str(folder), "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**user.environment, "OMP_NUM_THREADS": "1"},
    )


def _statuses(process: subprocess.Popen[str]) -> dict[str, str]:
    said, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, complaint
    lines = [json.loads(line) for line in said.splitlines()]
    return {Path(line["candidate"]).name: line["status"] for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("plan", _PLANS)
@pytest.mark.parametrize("who", ["this-user", "ordinary-user"])
def test_two_judges_give_the_verdicts_of_one(tmp_path: Path, who: str, plan: str) -> None:
    home, folder = tmp_path / "home", tmp_path / "candidates"
    for place in (home, folder):
        place.mkdir()
        place.chmod(0o755)
    _candidates(folder)
    with ExitStack() as stack:
        user = OrdinaryUser((), ordinary_environment(home))
        if who == "ordinary-user":
            user = stack.enter_context(ordinary_user(home))
        both = [_started(user, plan, folder) for _ in range(2)]
        assert [_statuses(process) for process in both] == [_EXPECTED] * 2
