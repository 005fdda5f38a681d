"""A cluster that cannot be joined is one line that names it; a Ray of our own lets nobody in."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import psutil
import pytest
import ray

from flows.prefect_server import free_port
from tasks import cluster as module
from tasks.cluster import cluster
from tasks.errors import RayLostError, RequestError
from tests.tasks.lingering import left_after, using

_NOBODY = 65534

_STRANGER = """
import json, os, socket, sys
import ray
from pathlib import Path
from ray._raylet import AuthenticationTokenLoader, Config, GcsClient
from ray.exceptions import AuthenticationError

address, session, scratch, user = sys.argv[1:]
os.setgroups([]), os.setgid(int(user)), os.setuid(int(user))

def ask(mode, token):
    os.environ.update(RAY_AUTH_MODE=mode, RAY_AUTH_TOKEN=token)
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
    GcsClient(address=address)

def connect(name):
    with socket.socket(socket.AF_UNIX) as way:
        way.connect(f"{session}/sockets/{name}")

ways = {
    "without a token": lambda: ask("disabled", ""),
    "with another token": lambda: ask("token", "0" * 64),
    "token": lambda: Path(scratch, "token").read_text(),
    "files": lambda: os.listdir(scratch),
    "session": lambda: os.listdir(session),
    "raylet": lambda: connect("raylet"),
    "objects": lambda: connect("plasma_store"),
}
answers = {}
for way, attempt in ways.items():
    try:
        attempt()
        answers[way] = "let in"
    except (AuthenticationError, PermissionError):
        answers[way] = "refused"
print(json.dumps(answers))
"""

_RUN = """
import sys, time
from tasks.cluster import cluster
import ray
with cluster(lambda said: print(said, flush=True)):
    print(ray._private.worker._global_node.get_session_dir_path(), flush=True)
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        pass
"""


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "127.0.0.1:x"])
def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    address = address.format(port=free_port())
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(RequestError, match="RAY_ADDRESS") as refused, cluster():
        pass
    assert address in str(refused.value)
    assert "ray start" in str(refused.value)


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}"])
@pytest.mark.parametrize(
    "says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["http", "nothing"]
)
def test_something_else_listens(monkeypatch: pytest.MonkeyPatch, address: str, says: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = address.format(port=listener.getsockname()[1])
        monkeypatch.setenv("RAY_ADDRESS", address)
        answering = Thread(target=_answer_once, args=(listener, says))
        answering.start()
        with pytest.raises(RequestError) as refused, cluster():
            pass
        answering.join()
    assert f"RAY_ADDRESS={address} (what listens there is no Ray)" in str(refused.value)


def _answer_once(listener: socket.socket, says: bytes) -> None:
    """Nothing more is said until the other side hangs up."""
    connection, _ = listener.accept()
    with connection, suppress(ConnectionError):
        connection.sendall(says)
        while connection.recv(1024):
            pass


@pytest.mark.slow
def test_a_local_ray_lets_nobody_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of another cluster")
    with cluster():
        ray.get(ray.remote(lambda: 1).remote())  # so that workers listen, too
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        listening = {
            one.laddr.ip
            for process in family
            for one in process.net_connections("inet")
            if one.status == psutil.CONN_LISTEN
        }
        assert listening
        assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
        session = Path(ray._private.worker._global_node.get_session_dir_path())
        scratch = session.parents[1]
        assert scratch.name.startswith("bon-ray-")
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
        assert stat.S_IMODE((scratch / "token").stat().st_mode) == 0o600
        if os.geteuid() == 0:
            address = ray.get_runtime_context().gcs_address
            command = [sys.executable, "-c", _STRANGER, address, session, scratch, _NOBODY]
            environment = {key: value for key, value in os.environ.items() if "RAY" not in key}
            asked = subprocess.run(
                list(map(str, command)), env=environment, capture_output=True, text=True, check=True
            )
            assert set(json.loads(asked.stdout.splitlines()[-1]).values()) == {"refused"}
    assert not scratch.exists()
    assert list(tmp_path.iterdir()) == []  # no token in the home directory
    assert os.environ["RAY_AUTH_TOKEN"] == "of another cluster"
    assert "RAY_AUTH_MODE" not in os.environ


@contextmanager
def _another_run(source: str = _RUN) -> Iterator[tuple[psutil.Popen, Path]]:
    process = psutil.Popen(
        [sys.executable, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, Path(process.stdout.readline().strip()).parents[1]
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait()


def _living(family: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["the command", "raylet", "gcs_server"])
def test_what_is_killed_leaves_nothing(victim: str) -> None:
    with _another_run() as (process, scratch):
        family = process.children(recursive=True)
        shared = set(Path("/dev/shm").glob("plasma*"))
        assert using(scratch)
        for one in family:
            if one.name() == victim:
                one.kill()
        if victim == "the command":
            process.kill()
        else:
            assert victim in process.stdout.readline()  # it was told at once
            process.send_signal(signal.SIGINT)
        process.wait(60)
        assert left_after(10, scratch) == []
        assert set(Path("/dev/shm").glob("plasma*")) <= shared
        assert not _living(family)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.5, 3.0])
def test_a_command_killed_while_ray_starts_leaves_nothing(
    short_directory: Path, seconds: float
) -> None:
    environment = os.environ | {"TMPDIR": str(short_directory)}
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN], stdout=subprocess.DEVNULL, env=environment
    )
    try:
        while not (found := list(short_directory.glob("bon-ray-*"))):
            assert process.poll() is None
            time.sleep(0.01)
        while not using(found[0]):  # the guard, to begin with
            time.sleep(0.01)
        time.sleep(seconds)
    finally:
        process.kill()
        process.wait()
    assert left_after(10, found[0]) == []


@pytest.mark.slow
def test_an_error_after_ray_was_lost_is_that_it_was_lost() -> None:
    source = _RUN.replace("time.sleep(600)", "time.sleep(600) if input() else 1 / 0")
    with _another_run(source) as (process, _):
        [raylet] = [one for one in process.children() if one.name() == "raylet"]
        raylet.kill()
        assert "raylet" in process.stdout.readline()
        _, error = process.communicate("\n", timeout=60)
    raised = "tasks.errors.RayLostError: the private Ray is lost: its raylet was ended by SIGKILL"
    assert raised in error.splitlines()  # Ray may have more to say after it


@pytest.mark.slow
def test_a_ray_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OBJECT_STORE_BYTES", 1)  # less than Ray takes
    said = "^Ray did not start on this machine: "
    with pytest.raises(RayLostError, match=said) as refused, cluster():
        pass
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_what_a_killed_run_leaves_is_swept_without_its_guard() -> None:
    with _another_run() as (process, scratch):
        family = process.children(recursive=True)
        [guard] = [one for one in using(scratch) if "ray_guard" in " ".join(one.cmdline())]
        guard.kill()
        process.kill()
        process.wait()
        assert scratch.is_dir()
        with cluster():
            assert not scratch.exists()
            psutil.wait_procs(family, timeout=10)
            assert not _living(family)


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing() -> None:
    with _another_run() as (process, scratch):
        family = process.children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        psutil.wait_procs(family, timeout=60)
        assert not scratch.exists()


def test_a_long_temp_directory_is_no_hindrance(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert module._root() is None
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert module._root() == Path("/tmp")


@pytest.mark.slow
def test_rays_messages_do_not_reach_stdout(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with cluster(), caplog.at_level(logging.DEBUG, logger="tasks.cluster"):
        gcs = ray._private.worker.global_worker.gcs_client
        deadline = time.monotonic() + 60
        while not any("a node died" in record.getMessage() for record in caplog.records):
            assert time.monotonic() < deadline
            ray._private.utils.publish_error_to_driver("node", "a node died", gcs_client=gcs)
            time.sleep(0.2)  # the driver may not listen yet
    assert capsys.readouterr().out == ""
