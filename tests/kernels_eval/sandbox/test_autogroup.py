"""A worker's session is put ahead of others where the kernel shares cores between sessions."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval.processes.control import pin
from kernels_eval.sandbox import autogroup


def _may_set_niceness() -> bool:
    return os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_NICE)[0] >= 40


@pytest.mark.skipif(not autogroup.shares(), reason="sessions have no shares of their own here")
@pytest.mark.skipif(not _may_set_niceness(), reason="no right to put a process ahead of others")
def test_pinning_puts_the_session_ahead() -> None:
    program = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True) as other:
        said = Path(f"/proc/{other.pid}/autogroup")
        pin(other.pid, os.sched_getaffinity(0))
        assert said.read_text().split()[-1] == "-20"
        other.communicate()


def test_it_is_told_whether_workers_are_put_ahead() -> None:
    told = autogroup.available()
    mine = resource.getrlimit(resource.RLIMIT_NICE)
    try:
        resource.setrlimit(resource.RLIMIT_NICE, (40, 40))
    except (OSError, ValueError):
        assert "RLIMIT_NICE" in str(told)
    else:
        resource.setrlimit(resource.RLIMIT_NICE, mine)
        assert "RLIMIT_NICE" not in str(told)


def test_without_such_shares_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(autogroup, "_ENABLED", tmp_path / "none")
    assert not autogroup.shares()
    autogroup.put_ahead(0)  # nobody's: nothing to say
