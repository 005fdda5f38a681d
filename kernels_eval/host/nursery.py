"""One process per problem, forked from one that has imported torch and loads no problem itself.

So what a problem file does to its process, patched functions and closed descriptors included, is
gone with the problem, and the next one costs milliseconds instead of an import of torch.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from kernels_eval.errors import HarnessError, ProblemError
from kernels_eval.host import wire
from kernels_eval.host.answers import Answers, endless
from kernels_eval.host.borrowed import BorrowedForkServer
from kernels_eval.host.changes import ProcessState
from kernels_eval.host.log import Log
from kernels_eval.host.shelf import KEY, FarShelf
from kernels_eval.judge import Judge
from kernels_eval.problem_code import Stopwatch, watch_with
from kernels_eval.sandbox import libc

KEPT = 4
"""Problems, each with its reference in a worker: the most recent ones."""
_END_S = 20.0
_LOOK_MS = 500
"""Between two looks at how long a problem's code has been running."""
_PIPE_BYTES = 65536


@dataclass
class _Child:
    """A process that holds one problem."""

    pid: int
    channel: wire.Channel
    end: socket.socket
    output: int
    ended: int
    """Readable once it has ended, although what it left behind may hold the other two open."""
    watch: Stopwatch
    """Of the problem's own code in it."""
    log: Log = field(default_factory=Log)

    def drain(self) -> bool:
        """Take what it printed; whether there may be more."""
        try:
            data = os.read(self.output, _PIPE_BYTES)
        except BlockingIOError:
            return True
        self.log.add(data)
        return bool(data)


class _OverdueError(Exception):
    """A problem's code has been running for too long."""


class Nursery:
    """Processes by problem, of one judge's settings."""

    def __init__(
        self, judge: Judge, shelf: FarShelf, host: wire.Channel, problem_timeout_s: float
    ) -> None:
        """`judge`: started, and never asked to judge here; its copies are.

        `shelf`: the judge's; `host`: where its questions go. `problem_timeout_s`: for which a
        problem's own code may run between two answers. Raises HarnessError.
        """
        self._timeout_s = problem_timeout_s
        self._judge = judge
        self._shelf = shelf
        self._host = host
        self._children: OrderedDict[str, _Child] = OrderedDict()
        self._born = 0
        self._before = ProcessState()
        self._current: _Child | None = None
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
        threads = len(list(Path("/proc/self/task").iterdir()))
        if threads != 1:
            raise HarnessError(f"the judge has {threads} threads before any problem; it needs one")

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the process of the request's problem says, or `ended` and how it ended.

        A request without a source is for the problem of the request before.
        """
        source = request.get("source")
        try:
            if source is not None:
                self._current = self._of(source)
            child = self._current
            if child is None:
                raise HarnessError(f"no problem to {request['do']} for")
            child.channel.send(request)
            reply = self._reply(child)
        except wire.ChannelClosedError:
            return {"ended": self._bury_current()}
        except wire.ChannelGarbageError as error:
            self._bury_current()
            return {"ended": f"it spoke in the judge's place: {error}"}
        except _OverdueError:
            self._bury_current()
            return wire.pack_error(ProblemError(endless(self._timeout_s)))
        except (OSError, HarnessError) as error:
            return wire.pack_error(error)
        if "error" in reply or reply.get("lost"):
            self._bury_current()
        return reply

    def close(self) -> None:
        """End all processes that hold a problem, and the judge."""
        self._bury_all()
        self._judge.close()

    def _bury_all(self) -> None:
        for child in self._children.values():
            child.channel.close()
        while self._children:
            _, self._current = self._children.popitem()
            self._bury_current()

    def _of(self, source: str) -> _Child:
        """Raises HarnessError, OSError."""
        server = self._judge.server
        if server is not None and not server.intact():  # a problem emptied /tmp, perhaps
            self._bury_all()
            Path(os.environ["HOME"]).mkdir(mode=0o700, exist_ok=True)
            os.chdir(os.environ["HOME"])
        known = self._children.get(source)
        if known is not None:
            self._children.move_to_end(source)
            return known
        while len(self._children) >= KEPT:
            _, self._current = self._children.popitem(last=False)
            self._bury_current()
        self._judge.start()  # the fork server may have ended
        self._children[source] = self._bear()
        return self._children[source]

    def _bear(self) -> _Child:
        watch = Stopwatch()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            ours.close()
            os.close(reading)
            watch_with(watch)
            self._be_child(theirs, writing)
        theirs.close()
        os.close(writing)
        os.set_blocking(reading, False)
        self._born += 1
        return _Child(pid, wire.Channel(ours), ours, reading, os.pidfd_open(pid), watch)

    def _be_child(self, end: socket.socket, output: int) -> NoReturn:
        code = 1
        try:
            os.setsid()  # what it does to its process group is done to itself
            libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
            libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 0)
            self._host.close()  # the host is asked by way of the parent
            for other in self._children.values():
                other.channel.close()
                os.close(other.output)
                os.close(other.ended)
            for target in (1, 2):
                os.dup2(output, target)
            os.close(output)
            judge = self._judge
            if judge.server is not None:
                judge.use(BorrowedForkServer(judge.server, self._born))
            channel, answers = wire.Channel(end), Answers(judge, self._before)
            self._shelf.connect(channel)
            with contextlib.suppress(wire.ChannelClosedError):
                while True:
                    channel.send(answers.to(channel.receive()))
            judge.close()
            code = 0
        finally:
            os._exit(code)

    def _reply(self, child: _Child) -> dict[str, Any]:
        """Raises ChannelClosedError, ChannelGarbageError, _OverdueError."""
        began_s = child.watch.seconds()
        poll = select.poll()
        poll.register(child.output, select.POLLIN)
        for descriptor in (child.end, child.ended):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = dict(poll.poll(_LOOK_MS))
            if child.watch.seconds() - began_s > self._timeout_s:
                signal.pidfd_send_signal(child.ended, signal.SIGKILL)
                raise _OverdueError
            if child.output in ready and not child.drain():
                poll.unregister(child.output)
            if child.end.fileno() in ready:
                message = child.channel.receive()
                if KEY not in message:
                    return message
                self._host.send(message)
                child.channel.send(self._host.receive())
            elif child.ended in ready:
                raise wire.ChannelClosedError

    def _bury_current(self) -> str:
        """End the current process and all that it left; how it ended, with its last words."""
        child, self._current = self._current, None
        assert child is not None
        self._children = OrderedDict(
            (source, one) for source, one in self._children.items() if one is not child
        )
        child.channel.close()
        if not select.select([child.ended], [], [], _END_S)[0]:
            signal.pidfd_send_signal(child.ended, signal.SIGKILL)
        os.close(child.ended)
        _, status = os.waitpid(child.pid, 0)
        self._end_orphans()
        while child.drain():
            if not select.select([child.output], [], [], 0)[0]:
                break
        os.close(child.output)
        return child.log.obituary(os.waitstatus_to_exitcode(status))

    def _end_orphans(self) -> None:
        """What a problem started and left behind is this process's by now."""
        known = {child.pid for child in self._children.values()}
        if self._judge.server is not None:
            known.add(self._judge.server.pid)
        while orphans := set(_children()) - known:
            for pid in orphans:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            for pid in orphans:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def _children() -> list[int]:
    return list(map(int, Path("/proc/thread-self/children").read_text().split()))
