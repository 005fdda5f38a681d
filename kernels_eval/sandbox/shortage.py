"""What the machine itself is short of now: its processes, memory, files or room on its disk."""

from __future__ import annotations

import os
from pathlib import Path

from kernels_eval.sandbox.kernel_counts import groups

_NEARLY = 0.95
_FREE_BYTES = 64 << 20
"""Less is a full disk: one compile takes some megabytes."""
_FREE_MEMORY = 512 << 20


def of_processes(proc: Path = Path("/proc")) -> str | None:
    """In words, if the machine or a control group has no room for many more; else None."""
    for place in (*groups(""), *groups("pids")):
        most, count = _number(place / "pids.max"), _number(place / "pids.current")
        if most is not None and count is not None and count >= _NEARLY * most:
            return f"{count} of at most {most} processes run in its control group (pids.max)"
    count = _threads(proc)
    for name in ("threads-max", "pid_max"):
        most = _number(proc / "sys/kernel" / name)
        if most is not None and count >= _NEARLY * most:
            return f"{count} of at most {most} threads run on the machine (kernel.{name})"
    return None


def of_files(proc: Path = Path("/proc")) -> str | None:
    """In words, if nearly as many files are open on the machine as may be; else None."""
    try:
        count, _, most = map(int, (proc / "sys/fs/file-nr").read_text().split())
    except (OSError, ValueError):
        return None
    if count < _NEARLY * most:
        return None
    return f"{count} of at most {most} files are open on the machine (fs.file-max)"


def of_memory(proc: Path = Path("/proc")) -> str | None:
    """In words, if the machine has hardly any left, or promised all of it; else None."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        pairs = [(line.partition(":")[0], int(line.split()[1]) << 10) for line in lines]
    except (OSError, ValueError, IndexError):
        return None
    known = dict(pairs)
    free = known.get("MemAvailable", _FREE_MEMORY)
    if free < _FREE_MEMORY:
        return f"the machine has {free >> 20} MB of memory left"
    strict = _number(proc / "sys/vm/overcommit_memory") == 2
    most, promised = known.get("CommitLimit", 0), known.get("Committed_AS", 0)
    if strict and promised >= _NEARLY * most:
        return f"{promised >> 20} of at most {most >> 20} MB of memory are promised (overcommit)"
    return None


def of_disk(place: Path) -> str | None:
    """In words, if the file system that holds `place` has no room, or no inodes; else None."""
    try:
        told = os.statvfs(place)
    except OSError:
        return None
    free = told.f_bavail * told.f_frsize
    if free < _FREE_BYTES:
        return f"the disk of {place} has {free >> 20} MB left"
    if told.f_files and not told.f_favail:
        return f"the disk of {place} has no inode left"
    return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max"
        return None


def _threads(proc: Path) -> int:
    """Of the whole machine: the part behind the slash of the fourth word."""
    try:
        return int((proc / "loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 0
