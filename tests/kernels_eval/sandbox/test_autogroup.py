"""A worker's session is put ahead of others where the kernel shares cores between sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval.processes.control import pin
from kernels_eval.sandbox import autogroup


@pytest.mark.skipif(autogroup.available() is not True, reason="no such shares, or no right to them")
def test_pinning_puts_the_session_ahead() -> None:
    program = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True) as other:
        said = Path(f"/proc/{other.pid}/autogroup")
        assert said.read_text().split()[-1] == "0"
        pin(other.pid, os.sched_getaffinity(0))
        assert said.read_text().split()[-1] == "-20"
        other.communicate()


def test_without_such_shares_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    off = tmp_path / "sched_autogroup_enabled"
    off.write_text("0\n")
    monkeypatch.setattr(autogroup, "_ENABLED", off)
    assert str(autogroup.available()).startswith("not needed")
    monkeypatch.setattr(autogroup, "_ENABLED", tmp_path / "none")
    assert str(autogroup.available()).startswith("not needed")
    autogroup.put_ahead(0)  # nobody's: nothing to say
