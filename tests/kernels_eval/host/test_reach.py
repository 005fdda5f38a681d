"""What a problem file reaches of the machine that it is judged on: nothing of its caller's."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kernels_eval import Judge, ProblemError
from kernels_eval.host import JudgeHost, available
from kernels_eval.sandbox import landlock
from tests.kernels_eval.conftest import HERE, problem_source
from tests.kernels_eval.host.reaching import looking

RIGHT = (HERE / "honest" / "relu_torch.py").read_text()


@dataclass(frozen=True)
class Planted:
    """What a problem file would find if it could."""

    document: str
    open_directory: Path
    name: str


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    secret = "secret-" + secrets.token_hex(8)
    home, tree, everyones = tmp_path / "home", tmp_path / "work", tmp_path / "open"
    for directory in (home, home / ".ssh", tree, everyones):
        directory.mkdir()
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith(("pytest-", "test_")):
            parent.chmod(0o755)  # so that it is not the directory above that protects it
    everyones.chmod(0o777)
    (home / ".netrc").write_text(secret)
    (home / ".ssh" / "id").write_text(secret)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("CUDA_TOKEN", secret)
    monkeypatch.chdir(tree)
    sleeping = [sys.executable, "-c", f"import time; '{secret}'; time.sleep(600)"]
    with (
        subprocess.Popen(sleeping) as other,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as file,
    ):
        abstract.bind("\0" + secret)
        file.bind(str(home / "socket"))
        for one in (abstract, file):
            one.listen()
        document = {
            "secret": secret,
            "home": str(home),
            "tree": str(tree),
            "open": str(everyones),
            "port": tcp.getsockname()[1],
            "abstract": secret,
            "pid": other.pid,
            "mark": secret,
        }
        yield Planted(json.dumps(document), everyones, secret)
        other.kill()


def _reached(judge: Judge | JudgeHost, name: str, planted: Planted) -> list[str]:
    with pytest.raises(ProblemError, match="RuntimeError: reached:") as raised:
        judge.prepare(looking(name, planted.document))
    return str(raised.value).rpartition("reached:")[2].split()


@pytest.mark.parametrize(
    ("name", "in_reach"),
    [
        ("environment", {"variable", "process"}),
        ("files", {"home", "key", "directory"}),
        ("sockets", {"loopback", "abstract", "file"}),
        ("writes", {"home", "open"}),
        ("processes", {"signal", "listed", "caller"}),
    ],
)
def test_a_problem_reaches_nothing(
    host: JudgeHost, planted: Planted, name: str, in_reach: set[str], judge: Judge
) -> None:
    if not available()["problem_namespaces"]:
        pytest.skip("this machine gives no namespaces")
    host.close()  # so that it starts beside what was planted
    assert _reached(host, name, planted) == []
    assert not list(planted.open_directory.iterdir())
    for directory in ("/tmp", "/var/tmp", "/dev/shm"):
        assert not Path(directory, planted.name).exists()
    # The same file, loaded by a judge that is not contained, reaches all of it.
    assert in_reach <= set(_reached(judge, name, planted))


def test_what_the_judge_may_do_inside_leads_nowhere(host: JudgeHost, planted: Planted) -> None:
    host.close()
    assert _reached(host, "rights", planted) == []


def test_without_namespaces_there_is_still_no_secret(
    open_host: JudgeHost, planted: Planted
) -> None:
    open_host.close()
    assert "variable" not in _reached(open_host, "environment", planted)
    assert open_host.defences == ("problem_environment",)
    assert open_host.evaluate(problem_source("relu"), RIGHT).correct


@pytest.mark.skipif(landlock.abi() < 6, reason="this kernel's Landlock is too old")
def test_without_namespaces_landlock_keeps_files_and_secrets(
    fenced_host: JudgeHost, planted: Planted
) -> None:
    fenced_host.close()
    for name in ("environment", "files", "writes"):
        assert _reached(fenced_host, name, planted) == []
    assert "signal" not in _reached(fenced_host, "processes", planted)
    assert "abstract" not in _reached(fenced_host, "sockets", planted)
    assert fenced_host.defences == ("problem_environment", "problem_files")
    assert fenced_host.evaluate(problem_source("relu"), RIGHT).correct
