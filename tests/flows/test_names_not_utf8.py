"""Names of files that are not UTF-8: files are taken by any name, what the lake keeps is named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Bon
from tests.flows.test_bad_input import refused
from tests.kernels_eval.conftest import HERE

TABLE = "problem_id,sample_index,mean_logprob,correct,speedup\n1,0,-0.1,true,1.5\n1,1,-0.2,false,\n"


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A directory whose name is no UTF-8."""
    directory = tmp_path / os.fsdecode(b"b\xe9d")
    directory.mkdir()
    return directory


def test_files_are_read_and_written(bon: Bon, strange: Path, tmp_path: Path) -> None:
    (strange / "table.csv").write_text(TABLE)
    assert (
        bon("import", strange / "table.csv", "--run", "r", "--lake", tmp_path / "l").returncode == 0
    )
    page = strange / os.fsdecode(b"\xff.html")
    assert bon("report", "r", "--lake", tmp_path / "l", "--out", page).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    problem, candidate = strange / "problem.py", strange / os.fsdecode(b"\xfe.py")
    shutil.copy(HERE / "problems" / "relu.py", problem)
    shutil.copy(HERE / "honest" / "relu_torch.py", candidate)
    answer = bon("eval", problem, candidate)
    assert answer.returncode == 0
    assert answer.stdout.startswith("correct")


def test_a_lake_is_refused(bon: Bon, strange: Path) -> None:
    (strange / "table.csv").write_text(TABLE)
    line = refused(bon, "import", strange / "table.csv", "--run", "r", "--lake", strange / "lake")
    assert r"b\udce9d" in line
    assert "ln -s" in line
    assert not (strange / "lake").exists()


def test_a_suite_is_refused(bon: Bon, strange: Path, tmp_path: Path) -> None:
    shutil.copy(HERE / "problems" / "relu.py", strange / "1_relu.py")
    line = refused(bon, "problems", f"dir:{strange}")
    assert r"b\udce9d" in line
    assert "ln -s" in line
    link = tmp_path / "plain"
    link.symlink_to(strange)
    line = refused(bon, "problems", f"dir:{link}")  # the suite is called as the directory is
    assert "ln -s" in line


def test_a_problem_s_file_is_refused(bon: Bon, tmp_path: Path) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    shutil.copy(HERE / "problems" / "relu.py", suite / os.fsdecode(b"1_re\xff.py"))
    assert r"1_re\udcff.py" in refused(bon, "problems", f"dir:{suite}")


def test_so_is_any_other_word_that_would_be_kept(bon: Bon, strange: Path, tmp_path: Path) -> None:
    policy = f"transformers:{strange}"
    line = refused(bon, "sweep", "--policy", policy, "-k", "1", "--lake", tmp_path / "l")
    assert r"b\udce9d" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "SELECT {}"),
        ("rescore", "r", "--policy", "{}"),
        ("rescore", "{}", "--policy", "embedded"),
        ("report", "{}"),
        ("strategies", "r", "{}"),
        ("show", "{}", "1", "0"),
        ("judge", "{}"),
        ("export", "{}", "--to", "csv"),
        ("export", "r", "--to", "{}"),
        ("import", "table.csv", "--run", "{}"),
        ("import", "table.csv", "--run", "r", "--columns", "{}=speedup"),
        ("problems", "{}"),
        ("sweep", "--run", "{}"),
        ("sweep", "--profile", "{}"),
        ("eval", "p.py", "c.py", "--mode", "{}"),
        ("doctor", "--lake", "{}"),
    ],
)
def test_so_is_every_text_of_a_command(bon: Bon, arguments: tuple[str, ...]) -> None:
    wrong = os.fsdecode(b"b\xff")
    line = refused(bon, *(one.format(wrong) for one in arguments))
    assert r"b\udcff" in line
    assert "is not UTF-8" in line
