"""An import that a signal ends says so in one line, and is finished by repeating it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import Lake
from storage.layout import TEMPORARY_PREFIX

ROOT = Path(__file__).resolve().parents[2]
ROWS = 100_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_one_line_and_nothing_left(
    tmp_path: Path, number: signal.Signals, status: int, said: str
) -> None:
    file, scratch, lake = tmp_path / "f.csv", tmp_path / "tmp", tmp_path / "lake"
    scratch.mkdir()
    with file.open("w") as lines:
        lines.write("problem_id,sample_index,mean_logprob,correct,speedup,source\n")
        source = "x = 1  # 0123456789abcdef\n" * 40
        for index in range(ROWS):
            lines.write(f'{index % 50},{index // 50},-0.5,1,2.0,"{source}# {index}"\n')
    command = [sys.executable, "-m", "deployments.cli", "import", file, "--run", "r"]
    command += ["--lake", lake]
    environment = os.environ | {"TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        while not list(lake.glob("problems/**/part-*")):  # it writes now
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(number)
        out, told = process.communicate(timeout=60)
    assert (process.returncode, out) == (status, "")
    assert told.count("\n") == 1
    assert told.startswith(f"bon: {said}; `bon import {file} --run r")
    assert list(scratch.iterdir()) == []
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 0, again.stderr
    assert Lake.open(lake).sql("SELECT count(*) AS n FROM judged").to_pylist() == [{"n": ROWS}]
    assert list(lake.rglob(f"{TEMPORARY_PREFIX}*")) == []
