"""After many candidates, good and bad: no process, no descriptor, no directory is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kernels_eval import Judge, Status
from tests.kernels_eval.conftest import HERE, problem_source

_CRASH = "import ctypes\nctypes.memset(8, 0, 8)\n"
_GOOD = (HERE / "honest" / "relu_torch.py").read_text()


def _resident_bytes() -> int:
    return psutil.Process().memory_info().rss


@pytest.mark.timed
def test_thirty_candidates_leave_nothing(judge: Judge) -> None:
    problem = problem_source("relu")
    judge.evaluate(problem, _GOOD)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    resident = _resident_bytes()
    sources = [_GOOD, _CRASH, "1 +", "import os\nos._exit(3)\n", _GOOD.replace("min=0", "min=1")]
    statuses = [verdict.status for _, verdict in judge.evaluate_many(problem, sources * 6)]
    assert statuses[0::5] == [Status.CORRECT] * 6
    assert statuses[4::5] == [Status.INCORRECT] * 6
    assert len(os.listdir("/proc/self/fd")) <= before + 12  # noqa: PTH208 - workers started ahead
    until = time.monotonic() + 5.0
    while (zombies := _zombies()) and time.monotonic() < until:
        time.sleep(0.05)  # the fork server reaps a keeper that has just ended beside its requests
    assert zombies == []
    assert _resident_bytes() - resident < 600 << 20  # the problem's pool of inputs may still grow


_SCRIPT = """
import sys
import time
from kernels_eval import Judge
judge = Judge()
judge.prepare(sys.stdin.read())
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """For a judge's session: its workers, other users, may pass through."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def test_a_killed_judge_takes_everything_along(place: Path) -> None:
    script = place / "judge.py"
    script.write_text(_SCRIPT)
    own = {"PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(place)}
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | own | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(problem_source("relu"))
    process.stdin.close()
    assert process.stdout.readline() == "ready\n"
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 3  # the fork server, a keeper, the reference
    assert list(place.glob("kernels-eval-*"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    deadline = time.monotonic() + 10
    while list(place.glob("kernels-eval-*")):
        assert time.monotonic() < deadline, "the session's directory was left behind"
        time.sleep(0.1)


def _zombies() -> list[psutil.Process]:
    below = psutil.Process().children(recursive=True)
    return [child for child in below if child.status() == psutil.STATUS_ZOMBIE]
