"""Processes and threads that a problem file leaves running: judged beside them, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels_eval import ProblemError, Status
from kernels_eval.host import JudgeHost
from tests.kernels_eval.conftest import HERE, problem_source

_RIGHT = (HERE / "honest" / "relu_torch.py").read_text()
_SLEEP = "import time; time.sleep(600)"
_LEAVING = {
    "fork": "import os, time\nif os.fork() == 0:\n    time.sleep(600)\n    os._exit(0)\n",
    "subprocess": f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', '{_SLEEP}'])\n",
    "daemon": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    ),
    "has-ended": "import os\nif os.fork() == 0:\n    os._exit(0)\n",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n",
    "thread-pool": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor(4)\n"
        "list(pool.map(abs, range(4)))\n"
    ),
}
_DRAWS_IN_A_POOL = """
from concurrent.futures import ProcessPoolExecutor
_draw, _pools = get_inputs, []
def get_inputs():
    if not _pools:
        _pools.append(ProcessPoolExecutor(2))
    assert _pools[0].submit(abs, -1).result() == 1
    return _draw()
"""
_POOL = "import multiprocessing\npool = multiprocessing.get_context('fork').Pool(2)\n"


@pytest.mark.parametrize("left", _LEAVING.values(), ids=_LEAVING)
def test_a_problem_that_leaves_them_is_judged(host: JudgeHost, left: str) -> None:
    verdict = host.evaluate(left + problem_source("relu"), _RIGHT)
    assert verdict.status is Status.CORRECT, verdict.error


def test_so_is_one_whose_inputs_come_from_other_processes(host: JudgeHost) -> None:
    verdict = host.evaluate(problem_source("relu") + _DRAWS_IN_A_POOL, _RIGHT)
    assert verdict.status is Status.CORRECT, verdict.error


@pytest.mark.parametrize("where", ["the file", "Model"])
def test_processes_that_come_back_are_refused_and_named(host: JudgeHost, where: str) -> None:
    forking = "import os\n        os.fork() or os._exit(0)\n        return torch.relu(x)"
    in_model = problem_source("relu").replace("return torch.relu(x)", forking)
    source = _POOL + problem_source("relu") if where == "the file" else in_model
    with pytest.raises(ProblemError, match="processes that come back when they are ended"):
        host.evaluate(source, _RIGHT)


def test_one_that_ends_beside_what_it_left_is_refused_at_once(host: JudgeHost) -> None:
    """What was forked holds the channel open, and would be waited for."""
    with pytest.raises(ProblemError, match="exit status 3"):
        host.prepare(_LEAVING["fork"] + "os._exit(3)\n")


def test_nothing_of_it_outlives_the_judge() -> None:
    with JudgeHost() as host:
        for left in _LEAVING.values():
            host.prepare(left + problem_source("relu"))
        pid = host.pid
        assert pid is not None
        group = _below(pid)
        assert len(group) > len(_LEAVING)
    assert not [process for process in group if Path(f"/proc/{process}").exists()]


def _below(pid: int) -> list[int]:
    """Every process below one."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [below for child in map(int, listed) for below in (child, *_below(child))]
