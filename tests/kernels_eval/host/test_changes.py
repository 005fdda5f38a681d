"""A problem file that breaks what the judge's process uses is refused, with what it changed."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from kernels_eval import ProblemError, Status
from kernels_eval.host import JudgeHost
from kernels_eval.host.changes import ProcessState
from tests.kernels_eval.conftest import HERE, problem_source
from tests.kernels_eval.ordinary import ROOT

_RIGHT = (HERE / "honest" / "relu_torch.py").read_text()
_BREAKING = {
    "torch.empty": "torch.empty = None",
    "torch.isfinite": "torch.isfinite = torch.equal",
    "time.monotonic": "import time; time.monotonic = None",
    "sys.meta_path": (
        "import sys; sys.path.clear(); sys.meta_path.clear()\n"
        "for _name in [one for one in sys.modules if one.startswith('numpy.ma')]:\n"
        "    del sys.modules[_name]\n"
    ),
    "os.open": "import os; os.open = None",
}


def _outcome(host: JudgeHost, source: str) -> str:
    try:
        return host.evaluate(source, _RIGHT).status.value
    except ProblemError as refusal:
        return str(refusal)


@pytest.mark.parametrize("name", _BREAKING)
def test_never_a_failure_of_the_judge(host: JudgeHost, name: str) -> None:
    """Judged, or refused by name; the next problem is judged as ever."""
    came_out = _outcome(host, f"{problem_source('relu')}\n{_BREAKING[name]}\n")
    assert came_out == "correct" or came_out.startswith("the problem file changed"), came_out
    assert "\n" not in came_out
    assert host.evaluate(problem_source("relu"), _RIGHT).status is Status.CORRECT


def test_what_was_replaced_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    import tempfile

    before = ProcessState()
    assert before.changed() == ""
    monkeypatch.setattr(shutil, "rmtree", None)
    assert before.changed() == "shutil.rmtree"
    monkeypatch.setattr(tempfile, "tempdir", "/elsewhere")  # a variable of the module's own
    monkeypatch.syspath_prepend("/another")
    assert before.changed() == "shutil.rmtree"
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[1:])
    monkeypatch.setitem(sys.modules, "json", types.ModuleType("json"))
    assert before.changed() == "sys.meta_path, shutil.rmtree, json"
    monkeypatch.delattr(shutil, "copy")
    assert before.changed() == "sys.meta_path, shutil.copy, shutil.rmtree and 1 more"


_WITH_DYNAMO = """
import functools
import torch
from kernels_eval.host.changes import ProcessState

before = ProcessState()
plain = torch.manual_seed
import torch._dynamo
assert torch.manual_seed is not plain  # torch wraps it
assert before.changed() == "", before.changed()
torch.manual_seed = functools.wraps(plain)(lambda seed: None)
assert before.changed() == "torch.manual_seed", before.changed()
"""


def test_what_torch_wraps_by_itself_is_nobody_s_change() -> None:
    """It does so in whatever process compiles a reference, or imports torch._dynamo otherwise."""
    done = subprocess.run(
        [sys.executable, "-c", _WITH_DYNAMO], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
