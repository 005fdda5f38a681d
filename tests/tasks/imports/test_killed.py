"""An import that is killed is finished by the same command, wherever it was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import Lake
from tests.tasks.imports.test_results import ROWS, as_csv

KILLED = """
import os, signal, sys
import storage.duckdb_file
from storage import Lake

left = int(sys.argv.pop(1))

def counted(whole):
    def one(*args, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return whole(*args, **named)
    return one

Lake.append = counted(Lake.append)
storage.duckdb_file.write_duckdb_file = counted(storage.duckdb_file.write_duckdb_file)
from deployments.cli import main
main()
"""
TABLES = ("runs", "problems", "candidates", "evaluations", "selections")


def bon_import(source: Path, lake: Path, *, writes: int, more: tuple[str, ...] = ()) -> int:
    """The command's status; it is killed before what it would write next after that much."""
    given = ["import", str(source), "--run", "mine", "--lake", str(lake), *more]
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(writes), *given],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
    ).returncode


def content(lake: Path) -> dict[str, object]:
    """All rows but their times, and the file of views."""
    house = Lake.open(lake)
    views = (lake / "bon.sql").read_text().replace(str(lake), "").splitlines()
    found: dict[str, object] = {"views": [line for line in views if "SHA-256" not in line]}
    for table in TABLES:
        rows = house.sql(f"SELECT * FROM {table}").to_pylist()
        found[table] = sorted(
            str({name: value for name, value in row.items() if not name.endswith("ed_at")})
            for row in rows
        )
    return found


@pytest.mark.slow
def test_a_table(tmp_path: Path) -> None:
    file = as_csv(tmp_path / "f", ROWS)
    writes = 0
    while (status := bon_import(file, tmp_path / "cut", writes=writes)) == -signal.SIGKILL:
        assert bon_import(file, tmp_path / "cut", writes=99) == 0
        if writes == 0:
            assert bon_import(file, tmp_path / "whole", writes=99) == 0
        assert content(tmp_path / "cut") == content(tmp_path / "whole")
        shutil.rmtree(tmp_path / "cut")
        writes += 1
    assert (status, writes) == (0, 6)
    assert bon_import(file, tmp_path / "cut", writes=99) == 0  # killed when all was written
    assert content(tmp_path / "cut") == content(tmp_path / "whole")
    other = as_csv(tmp_path / "g", ROWS[:2])
    assert bon_import(other, tmp_path / "cut", writes=99) == 2
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


@pytest.mark.slow
def test_a_folder_of_kernels(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    folder.mkdir()
    for index in range(2):
        (folder / f"level_1_problem_12_sample_{index}_kernel.py").write_text(f"x = {index}\n")
    more = ("--suite", "embedded")
    for writes in range(4):
        lake = tmp_path / f"lake{writes}"
        killed = bon_import(folder, lake, writes=writes, more=more)
        assert killed == (-signal.SIGKILL if writes < 3 else 0)
        assert bon_import(folder, lake, writes=99, more=more) == 0
        assert Lake.open(lake).results(["mine"])["sample_index"].to_pylist() == [0, 1]
        (run,) = Lake.open(lake).runs().to_pylist()
        assert (run["problems"], run["candidates"]) == (1, 2)
    assert bon_import(folder, lake, writes=99, more=("--suite", "embedded:kernelbench")) == 2
    (folder / "level_1_problem_12_sample_2_kernel.py").write_text("x = 2\n")
    assert bon_import(folder, lake, writes=99, more=more) == 2


def test_parts_that_were_moved_away_come_back(tmp_path: Path) -> None:
    file = as_csv(tmp_path / "f", ROWS)
    assert bon_import(file, tmp_path / "lake", writes=99) == 0
    before = content(tmp_path / "lake")
    for table in ("candidates", "evaluations"):
        (part,) = Lake.open(tmp_path / "lake").parts(table, "mine")
        part.unlink()
    assert bon_import(file, tmp_path / "lake", writes=99) == 0
    assert content(tmp_path / "lake") == before
