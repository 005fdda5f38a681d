"""Ctrl-C in a terminal, which goes to all of a process group: one line, soon, and nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from storage import Lake


@pytest.mark.slow
def test_one_line_says_how_to_go_on(tmp_path: Path, to_end: list[psutil.Process]) -> None:
    command = [sys.executable, "-m", "deployments.cli", "sweep", "--profile", "demo"]
    command += ["--problems", "18", "-k", "4", "--run", "stopped", "--lake", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not list(tmp_path.glob("candidates/**/*.parquet")):  # the judge is at work now
            assert process.poll() is None
            time.sleep(0.2)
        below = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    told = [line for line in said.splitlines() if not line.startswith("sample ")]  # progress
    assert told == [
        f"bon: interrupted; `bon sweep --run stopped --lake {tmp_path}` goes on where it stopped"
    ]
    assert Lake.open(tmp_path).sql("SELECT count(*) AS n FROM candidates").to_pylist()[0]["n"] > 0
    to_end += below
