"""One writer per run in an object store: an object that only one process can have put there.

Unlike a file lock it outlives a process that is killed. If the holder is surely gone (holder.py),
the next writer replaces the object, on condition that it is still the same; of another machine's
holder nobody here can tell, so a person has to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import LakeUnusableError, RunLockedError
from storage.holder import Note, forget, is_gone, note_of_this_process, witnessed
from storage.place import content_of, os_errors, put_new, put_over, reason, tag_of


@contextmanager
def held(path: Path, run_id: str) -> Iterator[None]:
    """Hold the object at `path` for the run. Raises RunLockedError, LakeUnusableError."""
    owner = os.getpid()
    me = note_of_this_process()
    with witnessed(me):
        try:
            _take(path, run_id, me)
        except OSError as error:
            raise LakeUnusableError(f"{path} cannot be written: {reason(error)}") from error
        try:
            yield
        finally:
            if os.getpid() == owner:  # not in a child that was forked inside the block
                with suppress(OSError), os_errors():
                    path.unlink(missing_ok=True)


def _take(path: Path, run_id: str, me: Note) -> None:
    mine = json.dumps(me).encode()
    while not put_new(path, mine):
        try:
            tag, holder = tag_of(path), _holder(path)
        except FileNotFoundError:
            continue  # it has just been removed
        if holder == me:
            return  # an answer got lost, and the client asked again
        if not is_gone(holder):
            raise RunLockedError(
                f"run {run_id!r} is being written by process {_shown(holder, 'process')} on "
                f"{_shown(holder, 'host')}; wait until it ends, or choose another run id "
                f"(if it was killed there, remove {path})"
            )
        if put_over(path, mine, tag):
            forget(holder)
            return


def _holder(path: Path) -> Note:
    """The note that stands there. Raises FileNotFoundError, OSError."""
    try:
        found = json.loads(content_of(path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(holder: Note, key: str) -> str:
    text = str(holder.get(key, "unknown"))[:100]
    return "".join(sign if sign.isprintable() else "?" for sign in text)
