"""Signals to `python -m kernels_eval`, and to what it started: nothing is left behind."""

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

from tests.kernels_eval.conftest import HERE
from tests.kernels_eval.ordinary import ROOT

_BUILDS = "import subprocess\nsubprocess.run(['sleep', '300'])\n"
"""What a compiler that takes long looks like from outside."""
_MAIN = """
import sys
import kernels_eval.judge
from kernels_eval.__main__ import main
chosen = kernels_eval.judge.plan()
for name in chosen.namespaces if sys.argv[1] == "plain" else ():
    chosen = chosen.without(name)
kernels_eval.judge.plan = lambda: chosen
sys.exit(main(sys.argv[2:]))
"""
_PLANS = ("namespaces", "plain")
"""As this machine gives them, and as in a container that gives none."""


@pytest.fixture
def place() -> Iterator[Path]:
    """For sessions: workers that are other users may pass through."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def _judging(place: Path, plan: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """The command while its candidate builds; it, its fork server, keepers, workers and a build."""
    candidate = place / "candidate.py"
    candidate.write_text(_BUILDS)
    problem = HERE / "problems" / "relu.py"
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, plan, str(problem), str(candidate)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place), "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    until = time.monotonic() + 60.0
    while process.poll() is None and time.monotonic() < until:
        family = psutil.Process(process.pid).children(recursive=True)
        if any(_name(member) == "sleep" for member in family):
            return process, family
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"it never built: {process.communicate()[1]}")


def _name(member: psutil.Process) -> str:
    try:
        return str(member.name())
    except psutil.NoSuchProcess:
        return ""


def _left(place: Path) -> list[str]:
    return sorted(entry.name for entry in place.iterdir() if entry.name != "candidate.py")


def _empties(place: Path) -> bool:
    until = time.monotonic() + 10.0
    while _left(place) and time.monotonic() < until:
        time.sleep(0.02)
    return not _left(place)


@pytest.mark.slow
@pytest.mark.parametrize("plan", _PLANS)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_all_that_it_started(
    place: Path, number: signal.Signals, status: int, plan: str
) -> None:
    process, family = _judging(place, plan)
    process.send_signal(number)
    said, complaint = process.communicate(timeout=30)
    assert process.returncode == status
    assert said == ""
    assert complaint.count("\n") == 1
    assert f"ended by {number.name}" in complaint
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert _left(place) == []


@pytest.mark.slow
@pytest.mark.parametrize("plan", _PLANS)
def test_a_killed_command_takes_everything_along(place: Path, plan: str) -> None:
    process, family = _judging(place, plan)
    process.kill()
    process.communicate()
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert _empties(place)


@pytest.mark.slow
@pytest.mark.parametrize("plan", _PLANS)
def test_what_two_kills_leave_is_swept_by_the_next_judge(place: Path, plan: str) -> None:
    process, family = _judging(place, plan)
    server = psutil.Process(process.pid).children()
    for member in (process, *server):
        member.send_signal(signal.SIGKILL)
    process.communicate()
    assert psutil.wait_procs(family, timeout=10)[1] == []
    done = subprocess.run(
        [sys.executable, "-m", "kernels_eval", __file__, __file__],  # no problem, no candidate
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
    )
    assert done.returncode == 2, done.stderr
    assert _left(place) == []


@pytest.mark.slow
def test_a_build_does_not_outlive_its_keeper(place: Path) -> None:
    """Without a namespace of processes nobody but the fork server can end it."""
    process, family = _judging(place, "plain")
    builds = [member for member in family if _name(member) == "sleep"]
    for build in builds:
        keeper = build.parent().parent()
        assert keeper is not None
        keeper.kill()
    assert psutil.wait_procs(builds, timeout=10)[1] == []
    process.terminate()
    process.communicate()
    assert _empties(place)
