"""One writer per run in an object store: an object that only one process can have put there.

Unlike a file lock it outlives a process that is killed. Who finds one of this very machine's whose
process is gone takes it over; of another machine's nobody here can tell, so a person has to.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from storage.errors import LakeUnusableError, RunLockedError
from storage.place import os_errors, put_new, reason


@contextmanager
def held(path: Path, run_id: str) -> Iterator[None]:
    """Hold the object at `path` for the run. Raises RunLockedError, LakeUnusableError."""
    try:
        with _one_of_this_machine():
            _take(path, run_id)
    except OSError as error:
        raise LakeUnusableError(f"{path} cannot be written: {reason(error)}") from error
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:  # not in a child that was forked inside the block
            with contextlib.suppress(OSError):
                _remove(path)


def _take(path: Path, run_id: str) -> None:
    me = _me()
    while not put_new(path, json.dumps(me).encode()):
        holder = _holder(path)
        if holder is None:
            continue
        if holder == me:
            return  # an answer got lost, and the client asked again
        if not _gone(holder):
            raise RunLockedError(
                f"run {run_id!r} is being written by process {holder.get('process')} on "
                f"{holder.get('host')}; wait until it ends, or choose another run id "
                f"(if it was killed there, remove {path})"
            )
        _remove(path)


def _remove(path: Path) -> None:
    with os_errors():
        path.unlink(missing_ok=True)


@contextmanager
def _one_of_this_machine() -> Iterator[None]:
    """Two that found the same dead holder would remove each other's locks."""
    with (Path(tempfile.gettempdir()) / f"bon-sweep-{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _me() -> dict[str, object]:
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "started": psutil.Process().create_time(),
        "token": uuid.uuid4().hex,  # of this attempt: the same process may ask twice
    }


def _holder(path: Path) -> dict[str, object] | None:
    """Who put it there; None if it has just been removed."""
    try:
        with os_errors():
            content = path.read_bytes()
        found = json.loads(content)
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _gone(holder: dict[str, object]) -> bool:
    """Whether the holder is a process of this machine that runs no more."""
    process = holder.get("process")
    if holder.get("host") != socket.gethostname() or not isinstance(process, int):
        return False
    try:
        return psutil.Process(process).create_time() != holder.get("started")
    except psutil.NoSuchProcess:
        return True
