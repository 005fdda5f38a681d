"""Whatever a debugged process does meanwhile: nobody is left with a process that cannot end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels_eval.sandbox import inject, seccomp

pytestmark = pytest.mark.skipif(not inject.supported(), reason="injects on x86-64 only")

_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
print(child.wait(), flush=True)
"""
_RUNS_ON = """
import ctypes
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no new privileges: who is not root may have filters then
print(flush=True)
while True:
    pass
"""
_WAITS_IN_VFORK = """
import ctypes, os, signal, sys, time
libc = ctypes.CDLL(None)
print(flush=True)
if libc.vfork() == 0:
    libc.sleep(60)
    libc._exit(0)
"""


@pytest.fixture
def parent(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process with a child that runs the parameter, and the child's id."""
    command = [sys.executable, "-c", _PARENT, request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            for pid in (child, process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _heard(process: subprocess.Popen[str]) -> str:
    """How its child ended, as the parent hears it."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _tracer(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("TracerPid:")).split()[1]


@pytest.mark.parametrize("parent", [_RUNS_ON], indirect=True)
def test_a_process_that_runs_is_let_go(parent: tuple[subprocess.Popen[str], int]) -> None:
    process, child = parent
    with pytest.raises(inject.InjectionError, match="does not stop"):
        inject.add_filter(child, seccomp.settled())
    assert _tracer(child) == "0"
    os.kill(child, signal.SIGKILL)
    assert _heard(process) == "-9"


@pytest.mark.parametrize("parent", [_RUNS_ON], indirect=True)
def test_the_parent_hears_of_an_end_while_debugged(
    parent: tuple[subprocess.Popen[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, child = parent
    registers = inject._registers

    def killed_meanwhile(pid: int) -> object:
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        return registers(pid)

    monkeypatch.setattr(inject, "_registers", killed_meanwhile)
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(inject.InjectionError):
        inject.add_filter(child, seccomp.settled())
    assert _heard(process) == "-9"


@pytest.mark.parametrize("parent", [_WAITS_IN_VFORK], indirect=True)
def test_what_cannot_be_stopped_is_killed(parent: tuple[subprocess.Popen[str], int]) -> None:
    process, child = parent
    time.sleep(0.3)  # until it is in there
    with pytest.raises(inject.UnstoppableError):
        inject.add_filter(child, seccomp.settled())
    assert _heard(process) == "-9"


@pytest.mark.parametrize("parent", [_RUNS_ON], indirect=True)
def test_a_stopped_process_takes_the_filter(parent: tuple[subprocess.Popen[str], int]) -> None:
    process, child = parent
    os.kill(child, signal.SIGSTOP)
    inject.add_filter(child, seccomp.settled())
    assert inject._filters(f"/proc/{child}/status") == 1
    assert _tracer(child) == "0"
    os.kill(child, signal.SIGKILL)
    assert _heard(process) == "-9"
