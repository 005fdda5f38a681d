"""A damaged run at the command line: named in one line, and no hindrance to the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import Lake, write_text
from tests.conftest import Bon
from tests.storage.make import small_run


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A part of run r1, one bit of which has flipped; r2 is sound."""
    lake = Lake.open(tmp_path / "lake", create=True)
    small_run(lake, "r1")
    small_run(lake, "r2")
    path = lake.parts("evaluations", "r1")[0]
    content = bytearray(path.read_bytes())
    content[50] ^= 4
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("strategies", "r1"),
        ("report", "r1"),
        ("report", "r2", "r1"),
        ("show", "r1", "1", "0"),
        ("sql", "SELECT * FROM results WHERE run_id = 'r1'"),
    ],
)
def test_what_names_the_run_is_refused(bon: Bon, damaged: Path, command: tuple[str, ...]) -> None:
    done = bon(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert str(damaged) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_other_run_is_not_hindered(bon: Bon, damaged: Path) -> None:
    assert bon("strategies", "r2").returncode == 0
    assert bon("show", "r2", "1", "0").returncode == 0
    assert [run["run_id"] for run in json.loads(bon("runs", "--json").stdout)] == ["r2"]
    answer = json.loads(bon("sql", "SELECT count(*) AS n FROM results", "--json").stdout)
    assert answer == [{"n": 8}]
    assert damaged.exists()


def test_the_doctor_looks_into_a_lake(bon: Bon, damaged: Path) -> None:
    lake = damaged.parents[3]
    done = bon("doctor", "--lake", lake)
    assert done.returncode == 1
    assert "13 parts are as they were written" in done.stdout
    assert str(damaged) in done.stderr
    found = json.loads(bon("doctor", "--lake", lake, "--json").stdout)
    assert (found["checked"], found["unchecked"], len(found["damages"])) == (13, 0, 1)
    damaged.unlink()
    write_text(lake / "notes.txt", "mine")
    done = bon("doctor", "--lake", lake)
    assert (done.returncode, done.stderr) == (0, "")
    assert bon("doctor", "--lake", lake / "none").returncode == 2
