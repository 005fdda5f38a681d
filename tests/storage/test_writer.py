"""A reader never trips over a writer, alive or dead."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from storage import Lake, RunLockedError, write_text
from storage.layout import TEMPORARY_PREFIX
from storage.place import in_object_store
from tests.storage.make import candidate_row, run_row

ROWS = 20_000
WRITER = f"""
import os, sys
import pyarrow as pa
from storage import Lake
from tests.storage.make import candidate_row
lake = Lake(sys.argv[1])
row = pa.Table.from_pylist([candidate_row(1, 0, "a") | {{"source": ""}}])
with lake.run_lock("r1"):
    print("locked", flush=True)
    n = {ROWS}
    rows = pa.concat_tables([row] * n).combine_chunks()
    at = rows.column_names.index("source")
    noise = pa.array([os.urandom(128).hex() for _ in range(n)])
    rows = rows.set_column(at, "source", noise)
    while True:
        lake.append("candidates", rows, run_id="r1")
"""


def start(script: str, lake: Lake) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(lake.root)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "locked"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def leftovers(lake: Lake) -> list[Path]:
    return list(lake.root.rglob(f"{TEMPORARY_PREFIX}*"))


def test_a_writer_killed_in_the_middle_leaves_readers_fine(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    torn = False
    for _ in range(8):
        process = start(WRITER, lake)
        while not leftovers(lake):
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.02))
        kill(process)
        torn = torn or bool(leftovers(lake))
        count = lake.sql("SELECT count(*) AS n FROM candidates")["n"][0].as_py()
        assert count % ROWS == 0
        with lake.run_lock("r1"):
            assert leftovers(lake) == []
        if torn:
            break
    assert torn, "no kill hit a write; the test proved nothing"


def test_a_killed_writers_lock_is_taken_over_and_nothing_is_torn(lake: Lake) -> None:
    for wait_s in (0.0, random.uniform(0, 0.5)):
        process = start(WRITER, lake)
        time.sleep(wait_s)
        kill(process)
        count = lake.sql("SELECT count(*) AS n FROM candidates")["n"][0].as_py()
        assert count % ROWS == 0
        with lake.run_lock("r1"):
            pass


def test_readers_beside_a_writer_see_whole_appends(lake: Lake) -> None:
    appends = 8 if in_object_store(lake.root) else 40
    rows = [candidate_row(1, i, "a") for i in range(500)]
    lake.append("candidates", rows, run_id="r1")
    done = threading.Event()

    def write() -> None:
        for _ in range(appends):
            lake.append("candidates", rows, run_id="r1")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    while not done.is_set():
        counts.append(lake.sql("SELECT count(*) AS n FROM results")["n"][0].as_py())
    writer.join()
    assert all(count % 500 == 0 for count in counts)
    assert counts == sorted(counts)
    assert lake.sql("SELECT count(*) AS n FROM results")["n"][0].as_py() == (1 + appends) * 500


def test_two_writers_of_one_run_exclude_each_other(lake: Lake) -> None:
    process = start(WRITER, lake)
    try:
        with pytest.raises(RunLockedError, match=str(process.pid)) as refused, lake.run_lock("r1"):
            pass
        assert "\n" not in str(refused.value)
        with lake.run_lock("r2"):
            pass
    finally:
        kill(process)
    with lake.run_lock("r1"):
        lake.append("runs", [run_row()], run_id="r1")


def test_the_lock_excludes_within_a_process_and_is_released(lake: Lake) -> None:
    with lake.run_lock("r1"), pytest.raises(RunLockedError), lake.run_lock("r1"):
        pass
    with pytest.raises(ZeroDivisionError), lake.run_lock("r1"):
        raise ZeroDivisionError
    with lake.run_lock("r1"):
        pass


FORKER = """
import os, sys, time
from storage import Lake
lock = Lake(sys.argv[1]).run_lock("r1")
lock.__enter__()
print("locked", flush=True)
if os.fork() == 0:
    # By the child itself: the parent may be killed before a child that has not run yet let go.
    print(os.getpid(), flush=True)
time.sleep(30)
"""


def test_a_forked_child_does_not_keep_the_lock_of_a_dead_parent(lake: Lake) -> None:
    process = start(FORKER, lake)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        with pytest.raises(RunLockedError), lake.run_lock("r1"):
            pass
        process.kill()
        process.wait()
        with lake.run_lock("r1"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


TEXT_WRITER = """
import sys
from pathlib import Path
from storage.writer import appearing
with appearing(Path(sys.argv[1]) / "page.html") as draft:
    draft.write_text("half")
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_drafts_of_pages_whose_writers_are_gone_are_removed_by_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TEXT_WRITER, str(tmp_path)]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root}
    killed, living = (
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    )
    for process in (killed, living):
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
    kill(killed)
    assert len(list(tmp_path.iterdir())) == 2
    write_text(tmp_path / "other.html", "whole")
    assert len(list(tmp_path.glob(f"{TEMPORARY_PREFIX}*"))) == 1
    living.communicate("")
    assert living.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.html", "page.html"]
