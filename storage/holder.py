"""Whether the process that wrote a note somewhere still runs, whatever clocks and pids do.

A host's name is no identity: containers and cloned machines share it. Nor is a process's time of
start: it is reckoned from the clock, which may step. The kernel's boot id, the namespace of process
ids and the ticks from boot to the start name one process for good. Across boots and namespaces,
where a pid says nothing, a witness tells: a file on this machine's disk, locked while the process
lives.
"""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from storage.file_lock import let_go, open_lock_file, take

Note = dict[str, object]


def note_of_this_process() -> Note:
    """What names this process, and this attempt of it, as plain JSON values."""
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "machine": _machine(),
        "boot": _boot(),
        "namespace": _pid_namespace(),
        "started": _started(os.getpid()),
        "token": uuid.uuid4().hex,  # of this attempt: the same process may ask twice
    }


@contextmanager
def witnessed(note: Note) -> Iterator[None]:
    """Hold the note's witness. Without a place for it, nobody will take over after a reboot."""
    path = _witness(note)
    descriptor = None
    if path is not None:
        with suppress(OSError):
            descriptor = open_lock_file(path)
            take(descriptor)
    owner = os.getpid()
    try:
        yield
    finally:
        if descriptor is not None:
            if os.getpid() == owner:
                forget(note)
            let_go(descriptor)


def forget(note: Mapping[str, object]) -> None:
    """Remove the witness of a note that is no more."""
    path = _witness(note)
    if path is not None:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def is_gone(note: Mapping[str, object]) -> bool:
    """Whether the note's process surely runs no more. Another machine's never does, seen from here.

    Of a note by an earlier release nothing is sure.
    """
    boot, process, started = note.get("boot"), note.get("process"), note.get("started")
    if not boot or not isinstance(process, int):
        return False
    if boot == _boot() and note.get("namespace") == _pid_namespace():
        return _started(process) != started
    if boot != _boot() and note.get("machine") != _machine():
        return False
    path = _witness(note)
    return path is not None and path.is_file() and _can_be_locked(path)


def _can_be_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        take(descriptor)
    except OSError:
        return False
    finally:
        let_go(descriptor)
    return True


def _witness(note: Mapping[str, object]) -> Path | None:
    token = note.get("token")
    if not isinstance(token, str) or not re.fullmatch("[0-9a-f]{32}", token):
        return None
    try:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home
        return None
    return Path(home) / "bon-sweep" / "locks" / token


def _started(process: int) -> int | None:
    """Clock ticks from boot to the start of a process; None if none of that id runs."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("latin-1")
    except OSError:
        return None
    # Behind the name, which is in parentheses and may hold any sign: state is field 3, start 22.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


@cache
def _boot() -> str:
    return _line_of("/proc/sys/kernel/random/boot_id")


@cache
def _machine() -> str:
    known = _line_of("/etc/machine-id") or _line_of("/var/lib/dbus/machine-id")
    return known or f"{socket.gethostname()}-{uuid.getnode():x}"


def _pid_namespace() -> str:
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _line_of(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text("ascii", "replace").strip()
    return ""
