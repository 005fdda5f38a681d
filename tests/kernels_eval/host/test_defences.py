"""Which defences there are, and that candidates lose none of theirs by the container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval import Judge
from kernels_eval.host import JudgeHost, available
from kernels_eval.host.container import DEFENCES
from tests.kernels_eval.conftest import HERE, problem_source
from tests.kernels_eval.host.as_user import ROOT

_RIGHT = (HERE / "honest" / "relu_torch.py").read_text()


def test_candidates_keep_their_defences(host: JudgeHost, judge: Judge) -> None:
    inside = host.evaluate(problem_source("relu"), _RIGHT).sandbox
    outside = judge.evaluate(problem_source("relu"), _RIGHT).sandbox
    assert inside == (*outside, *host.defences)
    assert host.defences == tuple(name for name, there in available().items() if there)


def test_a_machine_with_namespaces_gives_all_defences() -> None:
    if not _user_namespaces():
        pytest.skip("this machine gives no user namespaces")
    wanted = dict.fromkeys(DEFENCES, True)
    assert available() == wanted | {"problem_user": os.geteuid() == 0}


def _user_namespaces() -> bool:
    command = ["unshare", "--user", "--map-current-user", "--mount", "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="then all of these run as an ordinary user anyway")
def test_all_of_it_as_an_ordinary_user() -> None:
    files = [str(Path(__file__).with_name(f"test_{name}.py")) for name in ("reach", "defences")]
    files.append(f"{Path(__file__).with_name('test_ends.py')}::test_it_goes_with_its_caller")
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels_eval.host.as_user", "-m", "pytest", *files],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "-p no:cacheprovider -rs"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no user namespaces" not in done.stdout
