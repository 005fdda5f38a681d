"""An object store's lock goes to the next writer only if its holder is surely gone."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count, cycle
from pathlib import Path

import psutil
import pytest

from storage import Lake, RunLockedError, holder
from storage.holder import note_of_this_process
from storage.place import content_of, put_new, put_over, tag_of
from tests.storage.test_writer import WRITER, kill, start

_numbers = count()
TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def lake(bucket: str) -> Lake:
    return Lake.open(f"{bucket}/locks{next(_numbers)}", create=True)


def put(lake: Lake, **changes: object) -> Path:
    """The lock of some process that is not this one, and whose witness nobody holds."""
    path = lake.root / ".locks" / "r1.lock"
    note = note_of_this_process() | {"token": TOKEN} | changes
    assert put_new(path, json.dumps(note).encode())
    return path


def is_taken_over(lake: Lake) -> bool:
    try:
        with lake.run_lock("r1"):
            return True
    except RunLockedError as error:
        said = str(error)
    assert "\n" not in said
    assert str(lake.root / ".locks" / "r1.lock") in said
    return False


@contextmanager
def witness(*, held: bool) -> Iterator[None]:
    path = Path(os.environ["XDG_STATE_HOME"]) / "bon-sweep" / "locks" / TOKEN
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if held:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    path.unlink(missing_ok=True)


def test_a_clock_that_steps_makes_nobody_dead(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(WRITER, lake)
    try:
        before = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda one: before(one) + 3600)
        assert not is_taken_over(lake)
        note = json.loads((lake.root / ".locks" / "r1.lock").read_bytes())
    finally:
        kill(process)
    assert note["process"] == process.pid
    assert isinstance(note["started"], int)  # ticks from boot, which no clock changes
    assert is_taken_over(lake)


def test_a_living_holder_keeps_it_and_a_pid_used_again_does_not(lake: Lake) -> None:
    path = put(lake)
    assert not is_taken_over(lake)
    path.unlink()
    put(lake, started=note_of_this_process()["started"] - 1)
    assert is_taken_over(lake)


def test_a_holder_that_only_its_parent_has_not_noticed_is_gone(lake: Lake) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    put(lake, process=child.pid, started=holder._started(child.pid))
    assert not is_taken_over(lake)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert is_taken_over(lake)
    child.communicate()


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"boot": "another", "machine": "another"},  # the same host name
        {"boot": "another", "machine": "another", "process": 2**22 + 1},
        {"boot": None, "started": 1.0},  # of an earlier release
        {"boot": "", "namespace": "", "machine": ""},
        {"process": "none"},
        {"namespace": "pid:[1]", "token": "../../etc/passwd"},
    ],
)
def test_of_another_machine_nobody_can_tell(lake: Lake, elsewhere: dict[str, object]) -> None:
    put(lake, **elsewhere)
    assert not is_taken_over(lake)
    with witness(held=False):
        assert not is_taken_over(lake)


@pytest.mark.parametrize(
    "elsewhere",
    [{"boot": "before the reboot"}, {"namespace": "pid:[1]"}],  # this machine; a container beside
)
def test_across_boots_and_containers_the_witness_tells(
    lake: Lake, elsewhere: dict[str, object]
) -> None:
    put(lake, **elsewhere, process=1)
    assert not is_taken_over(lake)
    with witness(held=True):
        assert not is_taken_over(lake)
    with witness(held=False):
        assert is_taken_over(lake)
        assert not list(Path(os.environ["XDG_STATE_HOME"]).rglob(TOKEN))


def test_of_many_that_find_a_dead_holder_one_takes_over(lake: Lake) -> None:
    put(lake, started=-1)
    together = threading.Barrier(6)
    lost = threading.Semaphore(0)

    def attempt(_: int) -> bool:
        with ExitStack() as stack:
            together.wait(60)
            try:
                stack.enter_context(lake.run_lock("r1"))
            except RunLockedError:
                lost.release()
                return False
            for _loser in range(5):  # held until all others have tried
                assert lost.acquire(timeout=60)
            return True

    with ThreadPoolExecutor(6) as threads:
        won = list(threads.map(attempt, range(6)))
    assert won.count(True) == 1


def test_a_lock_put_over_while_it_is_read_is_read_whole(lake: Lake) -> None:
    path = put(lake, started=-1)
    ended, notes = threading.Event(), [b"{}", b'{"token": "another"}']

    def replace() -> None:
        for note in cycle(notes):
            if ended.is_set():
                return
            assert put_over(path, note, tag_of(path))

    with ThreadPoolExecutor(1) as beside:
        replacing = beside.submit(replace)
        try:
            read = {content_of(path) for _ in range(200)}
        finally:
            ended.set()
        replacing.result()
    assert read >= set(notes)


def test_a_lock_let_go_leaves_nothing(lake: Lake) -> None:
    with lake.run_lock("r1"):
        assert list(Path(os.environ["XDG_STATE_HOME"]).glob("bon-sweep/locks/*"))
    assert not list(Path(os.environ["XDG_STATE_HOME"]).glob("bon-sweep/locks/*"))
    assert not (lake.root / ".locks" / "r1.lock").exists()


def test_a_home_that_cannot_be_written_does_not_matter(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/none")
    with lake.run_lock("r1"):
        assert not is_taken_over(lake)
