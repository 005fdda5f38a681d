"""The process between a `JudgeHost` and its container: builds it, watches it, ends it.

It stays outside, loads nothing but the standard library, and goes when its caller does. Exit
status and signal are those of the judge's process; stderr carries what that printed, cut short.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from kernels_eval.host import container, ids
from kernels_eval.host.environment import HOME
from kernels_eval.host.log import Log
from kernels_eval.host.readable import open_to_all, readable_trees
from kernels_eval.host.root import make_gpu_devices
from kernels_eval.sandbox import libc
from kernels_eval.scratch import Scratch, sweep_scratch

Serve = Callable[[int, tuple[str, ...]], None]
"""What the judge's process does: with the channel's descriptor and the defences in force."""

_PIPE_BYTES = 65536


@dataclass(frozen=True)
class _Setup:
    """What the processes that build a container need to know."""

    shape: container.Shape
    trees: list[Path]
    """What can be read in it."""
    identity: ids.Identity | None
    """For root's container."""
    channel: int
    serve: Serve
    scratch: Path | None
    """What can be written where there is no /tmp of its own."""


@dataclass(frozen=True)
class _Ends:
    """The container's ends of what connects it with this process."""

    words: socket.socket
    output: int


@dataclass
class _Inside:
    """The first process in the container, seen from outside."""

    words: socket.socket
    output: int
    log: Log = field(default_factory=Log)


def main(channel: int, serve: Serve) -> NoReturn:
    """Build the strongest container that works here and run `serve` in it, until either ends."""
    libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller decides what Ctrl-C ends
    container.prepare_limits()
    make_gpu_devices()
    sweep_scratch()  # the judge itself sees no directory but its own
    scratch: Scratch | None = None
    trees = readable_trees(os.environ)
    identity = ids.claim_identity() if os.geteuid() == 0 else None
    failures: list[str] = []
    for shape in container.shapes(nobody_can_run=identity is not None and open_to_all(trees)):
        if not shape.namespaces and scratch is None:
            scratch = Scratch("kernels-eval-host-")
            scratch.path.chmod(0o711)  # workers with a user id of their own pass through it
        path = None if scratch is None else scratch.path
        try:
            inside = _start(_Setup(shape, trees, identity, channel, serve, path))
        except OSError as error:
            failures.append(str(error))
            continue
        status = _watch(inside, channel)
        if scratch is not None:
            scratch.close()
        _leave(status, inside.log)
    print("; ".join(failures), file=sys.stderr)
    sys.exit(1)


def _start(setup: _Setup) -> _Inside:
    """Raises OSError if the machine does not allow this shape."""
    words, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reading, writing = os.pipe()
    if (middle := os.fork()) == 0:
        words.close()
        os.close(reading)
        _be_middle(setup, _Ends(theirs, writing))
    theirs.close()
    os.close(writing)
    os.waitpid(middle, 0)  # the first process inside is this one's child now
    try:
        said = _hear(words) | _hear(words)  # `pid` and `ready`, from two processes
        if setup.shape.namespaces and os.geteuid() == 0:
            container.write_maps(int(str(said["pid"])), setup.shape, setup.identity)
        _say(words, go=True)
        _hear(words)
    except OSError:
        words.close()
        os.close(reading)
        _end_all()
        raise
    return _Inside(words, reading)


def _be_middle(setup: _Setup, ends: _Ends) -> NoReturn:
    """Make the namespaces, fork the first process in them, and end."""
    try:
        try:
            container.unshare_outer(setup.shape)
            pid = os.fork()
        except OSError as error:
            _say(ends.words, error=str(error))
            os._exit(1)
        if pid == 0:
            _be_first(setup, ends)
        _say(ends.words, pid=pid)
        os._exit(0)
    finally:
        os._exit(1)


def _be_first(setup: _Setup, ends: _Ends) -> NoReturn:
    """Finish the container from inside, fork the judge's process, reap what is orphaned."""
    words = ends.words

    def await_go() -> None:
        _say(words, ready=True)
        _hear(words)

    try:
        try:
            root = os.geteuid() == 0
            container.enter(setup.shape, setup.trees, await_go, root=root, scratch=setup.scratch)
        except Exception as error:
            _say(words, error=f"{type(error).__name__}: {error}")
            os._exit(1)
        _say(words, entered=True)
        judge = os.fork()
        if judge == 0:
            words.close()
            _be_judge(setup, ends.output)
        os.close(setup.channel)
        os.close(ends.output)
        while True:
            ended, status = os.wait()
            if ended == judge:
                _say(words, status=status)
                os._exit(0)
    finally:
        os._exit(1)


def _be_judge(setup: _Setup, output: int) -> NoReturn:
    code, scratch = 1, setup.scratch
    try:
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        home = HOME if scratch is None else str(scratch)
        os.environ["HOME"] = home
        os.environ["TMPDIR"] = "/tmp" if scratch is None else home
        tempfile.tempdir = None  # found outside, where another directory may have been set
        Path(home).mkdir(mode=0o700, exist_ok=True)
        os.chdir(home)
        null = os.open("/dev/null", os.O_RDONLY)
        for target, source in ((0, null), (1, output), (2, output)):
            os.dup2(source, target)
        for descriptor in (null, output):
            os.close(descriptor)
        setup.serve(setup.channel, setup.shape.in_force)
        code = 0
    except BaseException as error:
        import traceback

        traceback.print_exception(error)
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        os._exit(code)


def _watch(inside: _Inside, channel: int) -> int:
    """Until the judge's process ends (its wait status), or the caller does."""
    poll = select.poll()
    poll.register(inside.output, select.POLLIN)
    poll.register(inside.words, select.POLLIN)
    poll.register(channel, 0)  # POLLHUP alone
    status = signal.SIGKILL.value
    watching = True
    while watching:
        for descriptor, events in poll.poll():
            if descriptor == inside.output and not (events & select.POLLIN and _drain(inside)):
                poll.unregister(inside.output)
            elif descriptor == inside.words.fileno():
                with contextlib.suppress(OSError):
                    status = int(str(_hear(inside.words)["status"]))
                watching = False
            elif descriptor == channel:
                watching = False
    _end_all()
    os.set_blocking(inside.output, False)
    with contextlib.suppress(BlockingIOError):
        while _drain(inside):
            pass
    return status


def _end_all() -> None:
    """Kill and reap all below: with a namespace's first process all others in it go."""
    while below := Path("/proc/thread-self/children").read_text().split():
        for pid in map(int, below):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _drain(inside: _Inside) -> bool:
    data = os.read(inside.output, _PIPE_BYTES)
    inside.log.add(data)
    return bool(data)


def _leave(status: int, log: Log) -> NoReturn:
    """As the judge's process did."""
    with contextlib.suppress(OSError):
        os.write(2, log.head + log.tail)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)


def _say(words: socket.socket, **document: object) -> None:
    words.send(json.dumps(document).encode())


def _hear(words: socket.socket) -> dict[str, object]:
    """Raises OSError for a failure at the other end."""
    raw = words.recv(1 << 16)
    document: dict[str, object] = json.loads(raw) if raw else {"error": "it ended without a word"}
    if "error" in document:
        raise OSError(str(document["error"]))
    return document
