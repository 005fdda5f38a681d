"""The keeper: stands between the fork server and one candidate, believed by the judge.

It makes the namespaces, forks the candidate into them, keeps the head and tail of its output, and
tells how it ended. It lets the dead candidate's process id go only when the judge hangs up, so
that the judge never signals or reads a stranger.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from kernels_eval.sandbox import libc
from kernels_eval.sandbox.confine import confine, enter_user_namespace, unshare_namespaces
from kernels_eval.sandbox.limits import Limits
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.sandbox.process_limit import process_limit
from kernels_eval.worker import together

_KEPT = 4096


@dataclass(frozen=True)
class Spawn:
    """One request to the fork server."""

    number: int
    private: str
    plan: SandboxPlan
    limits: Limits
    readable: list[str]
    cores: list[int]
    user: int | None


@dataclass
class _Output:
    """Head and tail of what the candidate printed; the middle of a flood is let go."""

    head: bytes = b""
    tail: bytes = b""
    total: int = 0

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = _KEPT - len(self.head)
        self.head += data[:room]
        self.tail = (self.tail + data[room:])[-_KEPT:]

    def text(self) -> str:
        left_out = self.total - len(self.head) - len(self.tail)
        gap = f"\n… {left_out} bytes …\n".encode() if left_out else b""
        return (self.head + gap + self.tail).decode(errors="replace")


@dataclass
class Keeper:
    """The loop around one candidate process."""

    pid: int
    pipe: int
    judge: socket.socket
    memory_bytes: int
    """That the candidate's processes may hold together."""
    over: str = ""
    """What was said of a candidate that was ended for its memory."""
    output: _Output = field(default_factory=_Output)
    next_look: float = 0.0

    def watch(self) -> None:
        """Until the judge hangs up. Messages to it are JSON, one per datagram."""
        ended = os.pidfd_open(self.pid)
        poll = select.poll()
        for descriptor in (ended, self.pipe, self.judge.fileno()):
            poll.register(descriptor, select.POLLIN)
        pause_s = together.ALONE_S
        while True:
            ready = poll.poll(pause_s * 1000)
            pause_s = self._look_at_memory()
            for descriptor, events in ready:
                if descriptor == self.pipe:
                    if not self._drain():
                        poll.unregister(self.pipe)
                elif descriptor == ended:
                    poll.unregister(ended)
                    self._tell_end()
                elif events:
                    return  # the judge hung up; it never writes here

    def _look_at_memory(self) -> float:
        """End what holds too much; seconds to the next look. One process has its own limit."""
        now = time.monotonic()
        if now < self.next_look:
            return self.next_look - now
        several = together.tree(self.pid)
        held = together.held_together(several, self.memory_bytes) if len(several) > 1 else 0
        if held > self.memory_bytes:
            self.over = (
                f"its processes held {held / 2**30:.1f} GiB together; "
                f"{self.memory_bytes / 2**30:.3g} are allowed"
            )
            for pid in several:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        pause_s = together.SEVERAL_S if len(several) > 1 else together.ALONE_S
        self.next_look = now + pause_s
        return pause_s

    def _drain(self) -> bool:
        try:
            data = os.read(self.pipe, 65536)
        except BlockingIOError:
            return True
        self.output.add(data)
        return bool(data)

    def _tell_end(self) -> None:
        status = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        os.set_blocking(self.pipe, False)
        while True:
            before = self.output.total
            if not self._drain() or self.output.total == before or before > 1 << 22:
                break
        killed = status is not None and status.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
        number = status.si_status if status is not None else -1
        message = {
            "ended": True,
            "signal": number if killed else 0,
            "code": 0 if killed else number,
            "output": self.output.text(),
            "over": self.over,
        }
        with contextlib.suppress(OSError):
            self.judge.send(json.dumps(message).encode())

    def clean(self) -> None:
        """Kill and reap everything below."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
        while True:
            for child in _children():
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _children() -> list[int]:
    with open("/proc/thread-self/children") as listing:  # noqa: PTH123
        return [int(pid) for pid in listing.read().split()]


def keep(
    request: Spawn,
    control: socket.socket,
    judge: socket.socket,
    run: Callable[[int, str], None],
) -> None:
    """Become the keeper of one candidate (in a child of the fork server); never returns."""
    # If the fork server is killed, it still ends what is below it.
    signal.signal(signal.SIGTERM, _end_all)
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
    os.sched_setaffinity(0, request.cores)
    try:
        enter_user_namespace(request.plan)
        most = process_limit(request.limits.processes, request.user)
        request = replace(request, limits=replace(request.limits, processes=most))
        in_force = unshare_namespaces(request.plan)
        reading, writing = os.pipe()
        told_reading, told_writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become_candidate(request, control, writing, told_writing, run)
        os.close(writing)
        os.close(told_writing)
        control.close()
        with os.fdopen(told_reading, "rb") as told:
            answer = json.loads(told.read() or b'{"error": "the worker died while being confined"}')
        if "error" in answer:
            raise OSError(answer["error"])
        sandbox = in_force + answer["sandbox"]
        message = {"pid": pid, "keeper": os.getpid(), "sandbox": sandbox}
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError):
            judge.send(json.dumps({"error": str(error)}).encode())
        os._exit(1)
    judge.send(json.dumps(message).encode())
    keeper = Keeper(pid, reading, judge, request.limits.memory_bytes)
    try:
        keeper.watch()
    finally:
        keeper.clean()
        os._exit(0)


def _end_all(number: int, _: object) -> NoReturn:
    """On SIGTERM: leave the watch, and clean up."""
    raise SystemExit(128 + number)


def _become_candidate(
    request: Spawn,
    control: socket.socket,
    output: int,
    told: int,
    run: Callable[[int, str], None],
) -> None:
    """Confine, report it, and run; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        kept = {0, 1, 2, control.fileno(), told}
        _close_all_but(kept)
        try:
            in_force = confine(
                request.plan, request.limits, request.private, request.readable, request.user
            )
        except Exception as error:
            reason = f"confinement failed: {type(error).__name__}: {error}"
            os.write(told, json.dumps({"error": reason}).encode())
            os._exit(1)
        os.write(told, json.dumps({"sandbox": in_force}).encode())
        os.close(told)
        run(control.fileno(), request.private)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code & 0xFF)


def _close_all_but(kept: set[int]) -> None:
    lowest = 0
    for descriptor in sorted(kept):
        if lowest < descriptor:  # an empty range would mean "to the end"
            os.closerange(lowest, descriptor)
        lowest = descriptor + 1
    os.closerange(lowest, max(lowest + 1, os.sysconf("SC_OPEN_MAX")))
