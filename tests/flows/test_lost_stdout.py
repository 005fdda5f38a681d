"""A stdout that takes no more is one line; a reader who has seen enough is no failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.test_names_not_utf8 import TABLE
from tests.kernels_eval.conftest import HERE
from tests.kernels_eval.ordinary import ROOT

_FULL = Path("/dev/full")
_CANDIDATE = HERE / "honest" / "relu_torch.py"
_JUDGE = ("kernels_eval", HERE / "problems" / "relu.py", _CANDIDATE, _CANDIDATE, "--json")


def _ended(stdout: int, *arguments: str | Path, unbuffered: str = "") -> tuple[int, str]:
    answer = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": unbuffered},
    )
    return answer.returncode, answer.stderr


@pytest.mark.skipif(not _FULL.exists(), reason="the device that is always full is Linux's")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("deployments.cli", "runs"),
        ("deployments.cli", "runs", "--json"),
        ("deployments.cli", "sql", "SELECT 1", "--csv"),
        ("deployments.cli", "--version"),
        ("deployments.cli", "sweep", "--help"),
        ("deployments.cli",),
        _JUDGE,
    ],
    ids=lambda given: " ".join(given[:3]) if given[0] != "kernels_eval" else "the judge alone",
)
def test_a_full_disk_is_one_line(
    tmp_path: Path, arguments: tuple[str | Path, ...], unbuffered: str
) -> None:
    table, lake = tmp_path / "table.csv", tmp_path / "lake"
    if {"runs", "sql"} & {*arguments}:
        table.write_text(TABLE)
        brought = ("deployments.cli", "import", table, "--run", "r", "--lake", lake)
        assert _ended(subprocess.DEVNULL, *brought)[0] == 0
        arguments = (*arguments, "--lake", lake)
    with _FULL.open("w") as full:
        status, said = _ended(full.fileno(), *arguments, unbuffered=unbuffered)
    lines = [line for line in said.splitlines() if "waiting" not in line]
    assert status == 1, said
    assert len(lines) == 1, said
    assert "cannot write to stdout" in lines[0]


@pytest.mark.parametrize("arguments", [("deployments.cli", "--version"), _JUDGE], ids=["bon", "j"])
def test_a_reader_that_is_gone(arguments: tuple[str | Path, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, said = _ended(writer, *arguments)
    finally:
        os.close(writer)
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
    assert status == (0 if arguments is _JUDGE else status)
