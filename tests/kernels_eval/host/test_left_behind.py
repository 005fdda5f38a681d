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


def _forking(where: str) -> str:
    """A problem of which a copy of its process comes back into the judge's code."""
    source = problem_source("relu")
    fork = "__import__('os').fork()"
    if where == "the file":
        return f"{fork}\n{source}"
    wrapped = {
        "get_inputs": f"_draw = get_inputs\ndef get_inputs():\n    {fork}\n    return _draw()\n",
        "get_inputs, failing": (
            "_draw, _own = get_inputs, __import__('os').getpid()\n"
            f"def get_inputs():\n    {fork}\n"
            "    assert __import__('os').getpid() == _own\n    return _draw()\n"
        ),
        "get_init_inputs": f"def get_init_inputs():\n    {fork}\n    return []\n",
        "Model": (
            "_Model = Model\nclass Model(_Model):\n    def __init__(self):\n"
            f"        super().__init__()\n        {fork}\n"
        ),
        "a deep copy of Model": (
            f"def _copied(self, memo):\n    {fork}\n    return Model()\n"
            "Model.__deepcopy__ = _copied\n"
        ),
    }
    return f"{source}\n{wrapped[where]}"


@pytest.mark.parametrize(
    "where",
    [
        "the file",
        "get_inputs",
        "get_inputs, failing",
        "get_init_inputs",
        "Model",
        "a deep copy of Model",
    ],
)
def test_a_copy_of_its_process_ends_where_the_problem_does(host: JudgeHost, where: str) -> None:
    # Each in a process of its own; a fork for each of a hundred draws takes its time.
    for turn in range(1 if where.startswith("get_inputs") else 3):
        verdict = host.evaluate(f"{_forking(where)}# {turn}\n", _RIGHT)
        assert verdict.status is Status.CORRECT, verdict.error
    assert host.evaluate(problem_source("relu"), _RIGHT).status is Status.CORRECT


def test_one_that_forks_in_every_call_is_refused(host: JudgeHost) -> None:
    forks = "__import__('os').fork()\n        return torch.relu(x)"
    source = problem_source("relu").replace("return torch.relu(x)", forks)
    for turn in range(3):
        with pytest.raises(ProblemError, match="processes that come back when they are ended"):
            host.prepare(f"{source}# {turn}\n")


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
