"""What the kernel counts of a machine in need: processes killed for memory, processes refused.

Control groups: Documentation/admin-guide/cgroup-v2.rst (memory.events, pids.events) and
cgroup-v1/memory.rst (memory.oom_control) of Linux. Workers are in their judge's group.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_MOUNTS = {"": (_ROOT, _ROOT / "unified"), "memory": (_ROOT / "memory",), "pids": (_ROOT / "pids",)}
"""Where the groups of a controller are found; no name: version 2."""


@dataclass(frozen=True)
class KernelCounts:
    """Since the machine, or the group, began."""

    memory_kills: int
    """Processes that the out-of-memory killer ended: in this group, else on the machine."""
    refusals: int
    """Processes that this group, or one above it, had no room for (pids.max)."""


def kernel_counts() -> KernelCounts:
    """The counts now; 0 where the kernel tells nothing."""
    return KernelCounts(_memory_kills(), sum(_number(path, "max") for path in _pids_events()))


def _memory_kills() -> int:
    for path in _memory_events():
        return _number(path, "oom_kill")
    return _number(Path("/proc/vmstat"), "oom_kill")


def _number(path: Path, name: str) -> int:
    """The number behind a name in a file of lines of two words."""
    try:
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    except (OSError, ValueError):
        pass
    return 0


@functools.cache
def _memory_events() -> tuple[Path, ...]:
    """Of the nearest group that accounts for memory; it counts for the groups below, too."""
    new = [place / "memory.events" for place in groups("")]
    old = [place / "memory.oom_control" for place in groups("memory")]
    found = [path for path in (*new, *old) if _counts(path)]
    return tuple(found[:1])


def _counts(path: Path) -> bool:
    try:
        return any(line.startswith("oom_kill ") for line in path.read_text().splitlines())
    except OSError:
        return False


@functools.cache
def _pids_events() -> tuple[Path, ...]:
    found = [place / "pids.events" for name in ("", "pids") for place in groups(name)]
    return tuple(path for path in found if path.is_file())


@functools.cache
def groups(controller: str) -> tuple[Path, ...]:
    """The directories of this process's group and those above it, innermost first.

    `controller`: of version 1, such as `memory`; the empty string for version 2. In a container
    the group's own path may not be there, and its directory be the root.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ()
    for line in lines:
        _, names, path = line.split(":", 2)
        if controller not in names.split(","):
            continue
        inner = Path(path.lstrip("/"))
        below = [inner, *inner.parents] if inner.parts else [inner]
        return tuple(
            mount / place
            for mount in _MOUNTS[controller]
            for place in below
            if (mount / place / "cgroup.procs").exists()
        )
    return ()
