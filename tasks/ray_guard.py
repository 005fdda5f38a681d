"""A guard beside a private Ray: ends what is left of it, however the command ended.

Run as a script it is a small process that only waits. The command alone holds the other end of its
standard input, so the end of that file says that the command is gone, or has no more need of Ray.
Ray's own agents live up to a minute without their raylet, and a worker may outlive both.

Both sides need the standard library alone: the guard starts without torch, Ray and site-packages.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "BON_RAY"
"""Environment of a private Ray's processes: its scratch directory."""

PREFIX = "bon-ray-"
"""Of that directory's name."""

_TITLE = b"ray::"
"""Ray's agents and workers call themselves so, and some write that over their environment."""

_KILL_S = 8.0
"""At most, for all of them to be gone."""

_QUIET_S = 0.2
"""Without any for so long, and none is about to start another."""

_END_S = 20.0
"""For the guard to end once it is asked to; it never takes so long."""

_SHARED_MEMORY = Path("/dev/shm")
_OBJECT_STORE = "plasma"
"""Ray's object store removes its file's name right after making it."""

_held: set[int] = set()
"""Our ends of guards' standard inputs."""


def _let_go() -> None:
    """In a forked child: a copy of the descriptor would keep the guard waiting."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def guarded(scratch: Path) -> Iterator[None]:
    """A guard for the Ray in `scratch`. With the block's end, none of its processes is left."""
    guard = subprocess.Popen(
        # -I -S: nothing of the environment's or of site-packages; it has to be up at once.
        [sys.executable, "-I", "-S", __file__, str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # signals to the command's group are not for it
        cwd="/",
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    _held.add(guard.stdin.fileno())
    try:
        guard.wait()  # the guard itself is its child, so that it is none of the command's family
        yield
    finally:
        _held.discard(guard.stdin.fileno())
        guard.stdin.close()
        _await_end(guard.stdout.fileno())
        guard.stdout.close()


def _await_end(output: int) -> None:
    """Return once nobody has the other end of this pipe, or after long."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    poll.poll(_END_S * 1000)


@contextmanager
def marked(scratch: Path) -> Iterator[None]:
    """What is started within the block belongs to the Ray in `scratch`, and all below it."""
    before = os.environ.get(MARK)
    os.environ[MARK] = str(scratch)
    try:
        yield
    finally:
        if before is None:
            del os.environ[MARK]
        else:
            os.environ[MARK] = before


def ray_processes() -> Iterator[tuple[int, Path]]:
    """This user's processes that belong to a private Ray, each with the Ray's scratch directory.

    They are known by the mark in their environment, or by Ray's title and their log files.
    """
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with suppress(OSError):
                place = _scratch_of(Path(entry.path))
                if place is not None and int(entry.name) != os.getpid():
                    yield int(entry.name), place


def kill_all(scratch: Path) -> None:
    """Kill the processes of the Ray in `scratch`, and again, until none comes up any more."""
    now = time.monotonic()
    deadline, quiet = now + _KILL_S, now + _QUIET_S
    while time.monotonic() < min(deadline, quiet):
        for process, place in ray_processes():
            if place == scratch:
                quiet = time.monotonic() + _QUIET_S
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def _scratch_of(process: Path) -> Path | None:
    if process.stat().st_uid != os.geteuid():
        return None
    variables = _environment(process)
    if MARK in variables:
        return Path(variables[MARK])
    if not (process / "cmdline").read_bytes().startswith(_TITLE):
        return None
    found = (_scratch_in(link.readlink()) for link in (process / "fd").iterdir())
    return next(filter(None, found), None)


def _environment(process: Path) -> Mapping[str, str]:
    pairs = os.fsdecode((process / "environ").read_bytes()).split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _scratch_in(path: Path) -> Path | None:
    """The scratch directory that a file was in; None for any other file."""
    names = [number for number, part in enumerate(path.parts) if part.startswith(PREFIX)]
    return Path(*path.parts[: names[0] + 1]) if names else None


def _remove_object_stores(since: float) -> None:
    """Names of object stores younger than `since` whose Ray was killed before it removed them."""
    left = _object_stores(since)
    if left:
        time.sleep(1.0)  # another Ray that starts now removes its own meanwhile
        for path in left & _object_stores(since):
            path.unlink(missing_ok=True)


def _object_stores(since: float) -> set[Path]:
    found = set()
    for path in _SHARED_MEMORY.glob(f"{_OBJECT_STORE}??????"):
        with suppress(OSError):
            status = path.lstat()
            regular = stat.S_ISREG(status.st_mode)
            if regular and status.st_uid == os.geteuid() and status.st_ctime >= since:
                found.add(path)
    return found


def _main() -> None:
    started = time.time()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    scratch = Path(sys.argv[1])
    sys.path.append(str(Path(__file__).parents[1]))
    # Now, and not once it is needed: the package may be another one by then.
    from kernels_eval.scratch import remove_scratch, sweep_scratch

    while os.read(0, 1):
        pass
    kill_all(scratch)
    remove_scratch(scratch)
    sweep_scratch()  # a killed command had others, too
    _remove_object_stores(started)


if __name__ == "__main__":
    _main()
