"""The guard ends what belongs to its Ray and nothing else, however its command ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from kernels_eval.scratch import Scratch
from tasks.ray_guard import guarded, marked
from tests.tasks.lingering import left_after, using

_COMMAND = """
import os, subprocess, sys, time
from kernels_eval.scratch import scratch_directory
from tasks.ray_guard import PREFIX, guarded, marked
with scratch_directory(PREFIX) as scratch, guarded(scratch):
    with marked(scratch):
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    {then}
    print(scratch, flush=True)
    time.sleep(600)
"""
_TITLED = 'exec env -i bash -c "exec -a ray::Agent sleep 600" > "$0/agent.log"'
"""As Ray's agents: the mark is gone from their environment, and their log is open."""


@pytest.fixture
def scratch() -> Iterator[Path]:
    made = Scratch("bon-ray-")
    yield made.path
    made.close()


@contextmanager
def command(then: str = "pass") -> Iterator[tuple[psutil.Popen, Path]]:
    process = psutil.Popen(
        [sys.executable, "-c", _COMMAND.format(then=then)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, Path(process.stdout.readline().strip())
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait()


def guard_of(scratch: Path) -> psutil.Process:
    [guard] = [one for one in using(scratch) if any("ray_guard" in word for word in one.cmdline())]
    return guard


def test_an_orderly_end_leaves_no_process_of_the_ray(scratch: Path) -> None:
    other = Scratch("bon-ray-")
    with guarded(scratch):
        with marked(scratch):
            ours = subprocess.Popen(["sleep", "600"], start_new_session=True)
        with marked(other.path):
            foreign = subprocess.Popen(["sleep", "600"])
        reader = subprocess.Popen(["tail", "-f", scratch / ".owner"], cwd=scratch)
        agent = subprocess.Popen(["bash", "-c", _TITLED, scratch])
    try:
        assert ours.wait(10) == agent.wait(10) == -signal.SIGKILL
        assert foreign.poll() is None
        assert reader.poll() is None  # somebody who looks into a log
    finally:
        for one in (ours, foreign, reader, agent):
            one.kill()
            one.wait()
        other.close()
    assert left_after(10, scratch) == []


def test_the_guard_is_small(scratch: Path) -> None:
    with guarded(scratch):
        guard = guard_of(scratch)
        assert guard not in psutil.Process().children(recursive=True)
        loaded = Path(f"/proc/{guard.pid}/maps").read_text()
        assert "site-packages" not in loaded
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            guard.send_signal(number)
        assert guard.is_running()
    psutil.wait_procs([guard], timeout=10)
    assert not guard.is_running()


@pytest.mark.parametrize(
    "then",
    [
        "pass",
        "os.fork() or os.closerange(1, 3) or time.sleep(600)",  # a copy of the pipe's end
        'subprocess.Popen(["sleep", "600"], close_fds=False, stdout=subprocess.DEVNULL)',
    ],
)
def test_a_killed_command_leaves_nothing(then: str) -> None:
    with command(then) as (process, scratch):
        assert len(using(scratch)) >= 2
        process.kill()
        process.wait()
        assert left_after(10, scratch) == []
        for one in psutil.process_iter():
            if _session(one) == process.pid:
                one.kill()  # the command's child


def test_a_signal_to_the_group_does_not_reach_the_guard() -> None:
    with command() as (process, scratch):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert left_after(10, scratch) == []


def test_a_name_in_shared_memory_goes_with_its_ray(scratch: Path) -> None:
    before, after = Path("/dev/shm/plasmaOlder1"), Path("/dev/shm/plasmaYoung1")
    try:
        before.touch()
        with guarded(scratch):
            guard = guard_of(scratch)
            after.touch()
        psutil.wait_procs([guard], timeout=20)
        assert before.exists()
        assert not after.exists()
    finally:
        before.unlink(missing_ok=True)
        after.unlink(missing_ok=True)


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except OSError:
        return -1
