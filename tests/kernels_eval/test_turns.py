"""Judges of one machine take turns, in the order in which they came."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernels_eval.timing.cores import choose_cores
from kernels_eval.turns import VARIABLE, Turn

PROBLEM = """
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.relu(x)


def get_inputs():
    return [torch.randn(256, 1024)]


def get_init_inputs():
    return []
"""

HOLDER = """
import os, sys
from kernels_eval.turns import Turn
if len(sys.argv) > 2:
    os.setuid(int(sys.argv[2]))
with Turn(sys.argv[1].split(",")) as turn:
    for line in turn.wait():
        print(line, flush=True)
    print("measuring", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


@contextmanager
def judge(names: str, user: str = "") -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, names, *([user] if user else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=20)


def test_one_measures_and_the_other_waits_and_says_for_whom() -> None:
    with judge("cpu1") as first, judge("cpu2") as elsewhere:
        assert line(first) == line(elsewhere) == "measuring"
        with judge("cpu1") as second:
            assert line(second) == f"waiting for cpu1, on which process {first.pid} measures"
            let_go(first)
            assert line(second) == "measuring"


def test_a_turn_ends_with_its_process() -> None:
    with judge("cpu1") as first:
        assert line(first) == "measuring"
        first.kill()
        with Turn(["cpu1"]) as turn:
            list(turn.wait())


def test_who_has_just_measured_goes_behind_who_waits() -> None:
    mine = Turn(["gpu0"])
    list(mine.wait())
    with judge("gpu0") as other:
        assert line(other).startswith("waiting for gpu0")
        mine.end()
        again = Turn(["gpu0"])
        waiting = again.wait()
        said = next(waiting)
        assert said == f"waiting for gpu0, on which process {other.pid} measures"
        assert line(other) == "measuring"
        let_go(other)
        assert not [one for one in waiting if str(other.pid) not in one]
        again.end()


def test_two_that_want_the_same_two_never_wait_for_each_other() -> None:
    with judge("cpu1,cpu2") as first, judge("cpu2,cpu1") as second:
        for process in (first, second):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in (first, second):
            assert process.wait(20) == 0


def test_judges_of_one_process_do_not_wait_for_each_other() -> None:
    with Turn(["cpu1"]) as one, Turn(["cpu1", "cpu2"]) as two:
        assert list(one.wait()) == list(two.wait()) == []
        one.end()
        with judge("cpu2") as other:
            assert line(other).startswith("waiting for cpu2")
            two.end()
            assert line(other) == "measuring"


def test_a_turn_given_up_while_waiting_leaves_nothing() -> None:
    with judge("cpu1") as other:
        assert line(other) == "measuring"
        turn = Turn(["cpu0", "cpu1"])
        next(turn.wait())
        turn.end()
        with judge("cpu0") as free:
            assert line(free) == "measuring"
        let_go(other)
    with Turn(["cpu0", "cpu1"]) as turn:
        assert list(turn.wait()) == []


def test_without_a_place_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/proc/nowhere")
    with Turn(["cpu1"]) as turn:
        (said,) = turn.wait()
    assert VARIABLE in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_users_take_turns_too(place: Path) -> None:
    for directory in [place, *place.parents]:
        directory.chmod(directory.stat().st_mode | (0o1777 if directory == place else 0o011))
    with Turn(["cpu1"]) as turn:
        assert list(turn.wait()) == []
        with judge("cpu1", "65534") as stranger:
            assert line(stranger).startswith("waiting for cpu1")
            turn.end()
            assert line(stranger) == "measuring"
            let_go(stranger)


def test_a_command_says_that_it_waits(tmp_path: Path) -> None:
    kernel = Path(__file__).parent / "honest" / "relu_torch.py"
    problem = tmp_path / "problem.py"
    problem.write_text(PROBLEM)
    command = [sys.executable, "-m", "kernels_eval", str(problem), str(kernel), "--json"]
    timing = choose_cores(None).timing
    with Turn([f"cpu{timing[0]}"]) as turn:
        assert list(turn.wait()) == []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            assert f"waiting for cpu{timing[0]}, on which process {os.getpid()} measures" in said
            turn.end()
            out, _ = process.communicate(timeout=120)
    assert json.loads(out)["status"] == "correct"
