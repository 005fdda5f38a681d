"""Scratch directories: removed at the end, swept after a kill, and nothing else touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels_eval.scratch import Scratch, scratch_directory, sweep_scratch

_ROOT = Path(__file__).parents[2]
_OWNER = """
import os, sys
from kernels_eval.scratch import Scratch
path = Scratch("bon-test-").path
(path / "inside").mkdir()
(path / "inside" / "file").write_text("left")
(path / "closed" / "deeper").mkdir(parents=True)
(path / "closed").chmod(0)
if "fork" in sys.argv and os.fork() == 0:
    os.write(1, f"{os.getpid()}\\n".encode())  # whole, whatever the parent writes meanwhile
    sys.stdin.read()
    os._exit(0)
os.write(1, f"{path}\\n".encode())
sys.stdin.read()
"""
"""Makes one, says where, and waits; with `fork` a child without exec outlives it."""


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    tempfile.tempdir = None


def _owner(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _OWNER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_directory_is_private_and_gone_at_the_end(temp: Path) -> None:
    with scratch_directory("kernels-eval-test-") as path:
        assert path.parent == temp
        assert path.stat().st_mode & 0o777 == 0o700
        assert sweep_scratch() == []
        assert path.is_dir()
    assert list(temp.iterdir()) == []


def test_a_prefix_that_is_never_swept_is_refused(temp: Path) -> None:
    with pytest.raises(ValueError, match="begins with"):
        Scratch("other-")
    assert list(temp.iterdir()) == []


def test_what_a_killed_process_leaves_is_swept(temp: Path) -> None:
    with _owner() as process:
        path = Path(_line(process))
        assert sweep_scratch() == []
        assert (path / "inside" / "file").is_file()
        process.kill()
        process.wait()
        assert sweep_scratch() == [path]
    assert list(temp.iterdir()) == []


def test_a_forked_child_does_not_keep_it(temp: Path) -> None:
    with _owner("fork") as process:
        lines = {_line(process), _line(process)}
        (path,) = (Path(line) for line in lines if line.startswith("/"))
        (child,) = (int(line) for line in lines if line.isdigit())
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.kill(child, 0)  # it lives
        assert sweep_scratch() == [path]
        os.kill(child, signal.SIGKILL)
    assert list(temp.iterdir()) == []


def test_links_files_and_directories_of_others_stay(temp: Path) -> None:
    outside = temp / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (temp / "bon-link").symlink_to(outside)
    (temp / "bon-file").write_text("kept")
    (temp / "bon-mine").mkdir()
    old = time.time() - 365 * 24 * 3600
    os.utime(temp / "bon-mine", (old, old))
    with _owner() as process:
        path = Path(_line(process))
        (path / "out").symlink_to(outside)
        process.kill()
        process.wait()
    if os.geteuid() == 0:
        (temp / "bon-theirs").mkdir()
        (temp / "bon-theirs" / ".owner").write_text("")
        os.chown(temp / "bon-theirs", 65534, 65534)
    before = {entry.name for entry in temp.iterdir()}
    assert sweep_scratch() == [path]
    assert {entry.name for entry in temp.iterdir()} == before - {path.name}
    assert (outside / "kept").read_text() == "kept"


def test_an_older_release_s_directory_goes_once_it_is_old(temp: Path) -> None:
    for name in ("kernels-eval-abcd_123", "kernels-eval-wxyz_789"):
        (temp / name).mkdir()
    old = time.time() - 30 * 24 * 3600
    os.utime(temp / "kernels-eval-abcd_123", (old, old))
    assert sweep_scratch() == [temp / "kernels-eval-abcd_123"]
