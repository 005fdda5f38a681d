"""What the kernel's files say of a machine that is short of something."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels_eval.sandbox import shortage


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine with plenty of everything."""
    for name, text in {
        "loadavg": "0.10 0.20 0.30 2/400 12345",
        "meminfo": "MemAvailable:   8000000 kB\nCommitLimit: 9000000 kB\nCommitted_AS: 100 kB",
        "sys/kernel/threads-max": "10000",
        "sys/kernel/pid_max": "32768",
        "sys/fs/file-nr": "2000\t0\t100000",
        "sys/vm/overcommit_memory": "0",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    return tmp_path


def test_plenty_is_no_shortage(proc: Path) -> None:
    assert shortage.of_processes(proc) is None
    assert shortage.of_files(proc) is None
    assert shortage.of_memory(proc) is None


def test_threads_that_fill_the_machine(proc: Path) -> None:
    (proc / "loadavg").write_text("0.10 0.20 0.30 2/9900 12345\n")
    assert "9900 of at most 10000 threads" in str(shortage.of_processes(proc))


def test_files_that_fill_the_machine(proc: Path) -> None:
    (proc / "sys/fs/file-nr").write_text("99000\t0\t100000\n")
    assert "99000 of at most 100000 files" in str(shortage.of_files(proc))


def test_memory_that_is_used_or_promised(proc: Path) -> None:
    promised = "MemAvailable: 8000000 kB\nCommitLimit: 9000000 kB\nCommitted_AS: 8999000 kB\n"
    (proc / "meminfo").write_text(promised)
    assert shortage.of_memory(proc) is None  # promises are not counted
    (proc / "sys/vm/overcommit_memory").write_text("2\n")
    assert "overcommit" in str(shortage.of_memory(proc))
    (proc / "meminfo").write_text("MemAvailable: 100000 kB\n")
    assert "97 MB of memory left" in str(shortage.of_memory(proc))


def test_nothing_told_is_no_shortage(tmp_path: Path) -> None:
    assert shortage.of_processes(tmp_path) is None
    assert shortage.of_files(tmp_path) is None
    assert shortage.of_memory(tmp_path) is None
    assert shortage.of_disk(tmp_path / "nothing") is None
