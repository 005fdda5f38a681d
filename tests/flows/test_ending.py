"""A command that is ended by a signal says one line, and leaves no process and no file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

COMMAND = """
import os, signal, subprocess, sys, threading, time
from flows import ending
from kernels_eval.scratch import Scratch

def ready():
    print("ready", flush=True)

with ending.armed() as command:
    command.offer(lambda: "this goes on")
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    scratch = Scratch("bon-test-")
    {body}
"""

PATIENT = "ready(); time.sleep(600)"
STUBBORN = """
    ready()
    while True:
        try:
            time.sleep(600)
        except BaseException:
            print("noise", file=sys.stderr)
"""
REPLACED = """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("noise"))
    ready()
    time.sleep(600)
"""
OTHER_THREAD = """
    waits = threading.Thread(target=time.sleep, args=(600,))
    waits.start()
    ready()
    waits.join()
"""
IMPORTING = """
    import _imp
    _imp.acquire_lock()  # as a signal in a wrong moment of an import leaves it
    ready()
    time.sleep(600)
"""
LOGGING = """
    import logging
    logging._lock.acquire()  # as a signal finds it that comes in the midst of a log record
    ready()
    time.sleep(600)
"""
NOISY = """
    try:
        ready()
        time.sleep(600)
    finally:
        os.system("echo noise >&2")
        raise RuntimeError("noise")
"""


@contextmanager
def started(tmp_path: Path, body: str, *before: str) -> Iterator[subprocess.Popen[str]]:
    """The command with this body, at work."""
    source = COMMAND.format(body=textwrap.indent(textwrap.dedent(body), "    ").strip())
    process = subprocess.Popen(
        [*before, sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()


def nothing_left(tmp_path: Path, family: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(family, timeout=10)
    return not alive and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "said", "status"),
    [
        (signal.SIGINT, "interrupted", 130),
        (signal.SIGTERM, "terminated", 143),
        (signal.SIGHUP, "hung up", 129),
    ],
)
@pytest.mark.parametrize("body", [PATIENT, REPLACED, NOISY, OTHER_THREAD, IMPORTING, LOGGING])
def test_one_line_and_nothing_left(
    tmp_path: Path, body: str, number: int, said: str, status: int
) -> None:
    with started(tmp_path, body) as process:
        family = psutil.Process(process.pid).children()
        assert list(tmp_path.iterdir())
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (status, "", f"bon: {said}; this goes on\n")
    assert nothing_left(tmp_path, family)


def test_what_does_not_end_by_itself_is_killed(tmp_path: Path) -> None:
    with started(tmp_path, STUBBORN) as process:
        family = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (143, "bon: terminated; this goes on\n")
    assert nothing_left(tmp_path, family)


@pytest.mark.slow
def test_ray_does_not_take_the_signals_away(tmp_path: Path) -> None:
    body = """
        from tasks.cluster import cluster
        with cluster():  # Ray's own handler is not Python's, and would print a stack in C++
            ready()
            time.sleep(600)
    """
    with started(tmp_path, body) as process:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (143, "bon: terminated; this goes on\n")


def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    body = "command._grace_s = 3600.0\n" + textwrap.dedent(STUBBORN)
    with started(tmp_path, body) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            # Of one kind: of two that are pending Python takes the one with the lower number first.
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (143, "bon: terminated; this goes on\n")


def test_nohup_stays_nohup(tmp_path: Path) -> None:
    with started(tmp_path, "ready(); time.sleep(600)", "nohup") as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "hung up" not in error


def test_a_cause_that_is_no_signal(tmp_path: Path) -> None:
    body = """
        cause = ending.Cause("the API went away", 1)
        ready()
        threading.Thread(target=command.end, args=[cause]).start()
        time.sleep(600)
    """
    with started(tmp_path, body) as process:
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (1, "bon: the API went away; this goes on\n")


def test_a_command_that_ends_by_itself_when_asked(tmp_path: Path) -> None:
    body = """
        asked = threading.Event()
        with command.asked_by(asked.set, 600.0):
            ready()
            asked.wait()
        print("ended by itself", flush=True)
    """
    with started(tmp_path, body) as process:
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "ended by itself\n")
    assert error == "bon: terminated; this goes on\n"


def test_an_orderly_end_that_becomes_impossible(tmp_path: Path) -> None:
    body = """
        cause = ending.Cause("the API went away", 1)
        lost = threading.Thread(target=command.end, args=[cause])
        with command.asked_by(lost.start, 600.0):
            ready()
            time.sleep(600)
    """
    with started(tmp_path, body) as process:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (143, "bon: terminated; this goes on\n")


def test_without_a_signal_nothing_changes(tmp_path: Path) -> None:
    with started(tmp_path, "ready(); child.kill(); child.wait(); scratch.close()") as process:
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")


def test_the_line_cannot_steer_the_terminal(tmp_path: Path) -> None:
    body = r"""
        command.offer(lambda: "`bon --lake \033]0;title\007` goes on")
        ready()
        time.sleep(600)
    """
    with started(tmp_path, body) as process:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert error.startswith("bon: terminated; `bon --lake ")
    assert error.rstrip("\n").isprintable()
