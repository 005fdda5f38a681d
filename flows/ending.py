"""How a command ends before its time: by a signal, or because Prefect's API or Ray is gone.

One line on stderr says how to go on; it comes within seconds, and nothing is left behind. First the
command's own blocks are left (`Ended` is raised in the main thread): locks are released, servers
are told. Whatever has not ended by then is killed with all of the command's processes. A second
signal does that at once.

Signals are read from a pipe that the interpreter writes to (`signal.set_wakeup_fd`), by a thread:
the main thread may be busy outside Python, and Prefect and Ray replace signal handlers. The module
needs the standard library alone, so that it is in force before the imports that take time.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

_GRACE_S = 5.0
"""For the command's own blocks, before its processes are killed."""

_KILL_S = 2.0
"""For killed processes to be gone."""

_LAST_S = 3.0
"""For the last word to an API that outlives the command."""

_SHOW_CURSOR = b"\x1b[?25h"

_NO_MORE, _ALL_READ = 0, 255
"""Beside signals' numbers in the pipe: the reader is to end, or to say that it has come so far."""


class Ended(KeyboardInterrupt):
    """The command is to end: raised in the main thread. Libraries let KeyboardInterrupt pass."""


@dataclass(frozen=True)
class Cause:
    """Why a command ends: the line's first words, and the exit status."""

    said: str
    status: int


SIGNALS = {
    signal.SIGINT: Cause("interrupted", 130),
    signal.SIGTERM: Cause("terminated", 143),
    signal.SIGHUP: Cause("hung up", 129),
}


class Ending:
    """The early end of this process's command, if it comes to that."""

    def __init__(self) -> None:
        self.cause: Cause | None = None
        self.flow_run: str | None = None
        self._last: Callable[[], object] | None = None
        self._go_on: Callable[[], str] = str
        self._instead: Callable[[], object] | None = None
        self._grace_s = _GRACE_S
        self._process = os.getpid()
        self._main = threading.main_thread()
        self._lock = threading.RLock()
        self._finishing = threading.Lock()
        self._raised = False
        self._own_signals = 0
        self._read = threading.Event()
        self._stderr = -1
        self._family: set[Any] = set()
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self._handled = list(SIGNALS)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
            self._handled.remove(signal.SIGHUP)
        self._before = {number: signal.getsignal(number) for number in self._handled}

    def offer(self, go_on: Callable[[], str]) -> None:
        """`go_on` gives the rest of the line: how to go on. It must neither block nor fail."""
        self._go_on = go_on

    def at_last(self, act: Callable[[], object]) -> None:
        """Have `act`, which must not block, called before the kill if a signal is the cause."""
        self._last = act

    @contextmanager
    def asked_by(self, ask: Callable[[], object], grace_s: float) -> Iterator[None]:
        """Within the block a signal calls `ask`, in another thread, instead of raising `Ended`.

        The block is to end by itself then, within `grace_s` seconds.
        """
        self._instead, before = ask, self._grace_s
        self._grace_s = grace_s
        try:
            yield
        finally:
            self._instead, self._grace_s = None, before

    def end(self, cause: Cause) -> None:
        """End the command for `cause`. From any thread; the first cause counts."""
        if self._begin(cause):
            self._grace_s = _GRACE_S
            self._own_signals += 1
            signal.pthread_kill(self._main.ident or 0, signal.SIGINT)
        elif self._asks():
            self.finish()  # an orderly end needs what is missing now

    def take_signals(self) -> None:
        """Install the handlers, again if a library replaced them. In the main thread only."""
        if threading.current_thread() is self._main:
            for number in self._handled:
                signal.signal(number, self._handle)

    def finish(self) -> NoReturn:
        """Kill what is left, remove its files, say the line and end the process."""
        self._finishing.acquire()  # of two callers the second waits here for the process's end
        cause = self.cause or SIGNALS[signal.SIGTERM]
        if self._last is not None and cause in SIGNALS.values():
            _aside(self._last).join(_LAST_S)
        with contextlib.suppress(Exception):
            self._kill()
        with contextlib.suppress(Exception):
            _sweep()
        with contextlib.suppress(Exception):
            self._say(cause.said, self._go_on())
        os._exit(cause.status)

    def import_all(self) -> None:
        """Import what the end needs, before a signal may interrupt the main thread in an import.

        Interrupted in a wrong moment, an import never gives Python's import lock back, and the
        thread that ends the process would wait for it. Raises `Ended` if a signal came meanwhile.
        """
        self._raised = True
        import psutil  # noqa: F401

        import kernels_eval.printable
        import kernels_eval.scratch  # noqa: F401

        self._raised = False
        if self.cause is not None:
            raise Ended

    def watch(self) -> None:
        """Read signals until the process ends or `close` is called. A thread's body."""
        try:
            self._watch()
        except BaseException:  # no other thread can end the process in good order
            self.finish()

    def _watch(self) -> None:
        os.set_blocking(self._pipe[0], True)
        deadline: float | None = None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([self._pipe[0]], [], [], left)
            if not readable:
                self.finish()
            for number in os.read(self._pipe[0], 64):
                if number == _ALL_READ:
                    self._read.set()
                if number == _NO_MORE:
                    return
                if number not in self._handled:
                    continue
                if number == signal.SIGINT and self._own_signals:
                    self._own_signals -= 1
                elif deadline is not None:
                    self.finish()
                else:
                    self._begin(SIGNALS[signal.Signals(number)])
                if deadline is None:
                    deadline = time.monotonic() + self._grace_s
                    _aside(lambda: logging.disable(logging.CRITICAL))
                    self._see_family()
                    self._ask()

    def has_begun(self) -> bool:
        """Whether a cause has come up, in a signal that is still in the pipe, too."""
        self._read.clear()
        os.write(self._pipe[1], bytes([_ALL_READ]))
        self._read.wait()
        return self.cause is not None

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.write(self._pipe[1], bytes([_NO_MORE]))

    def _begin(self, cause: Cause) -> bool:
        """Note the cause and silence stderr; False if there was one already.

        Nothing here may wait: the main thread may hold any lock while it handles a signal.
        """
        with self._lock:
            if self.cause is not None:
                return False
            self.cause = cause
            with contextlib.suppress(OSError):
                self._stderr = os.dup(2)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)
            return True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if os.getpid() != self._process:  # a forked child
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        # Another signal may come while this one is handled: it must not raise in the midst of it.
        raised, self._raised = self._raised, True
        self._begin(SIGNALS[signal.Signals(number)])
        if not raised and not self._asks():
            raise Ended

    def _asks(self) -> bool:
        """Whether the command is to end by itself. For what is not a signal there is no time."""
        return self._instead is not None and self.cause in SIGNALS.values()

    def _ask(self) -> None:
        if self._asks():
            assert self._instead is not None
            self._instead()

    def _see_family(self) -> None:
        """Note all descendants: the children of a process that ends are no longer among them."""
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            self._family |= set(psutil.Process().children(recursive=True))

    def _kill(self) -> None:
        import psutil

        self._see_family()
        for process in self._family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        deadline = time.monotonic() + _KILL_S
        while any(map(_lives, self._family)) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _say(self, said: str, go_on: str) -> None:
        from kernels_eval.printable import printable_line

        line = printable_line("; ".join(filter(None, (f"bon: {said}", go_on))))
        with contextlib.suppress(OSError):
            if os.isatty(self._stderr):
                os.write(self._stderr, _SHOW_CURSOR)
            os.write(self._stderr, f"{line}\n".encode())


def _lives(process: Any) -> bool:
    import psutil

    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)  # not each init reaps
    except psutil.Error:
        return False


def _sweep() -> None:
    """Remove what this process and those that it killed had in the temp directory."""
    from kernels_eval.scratch import release_scratch, sweep_scratch

    release_scratch()
    sweep_scratch()


def _aside(act: Callable[[], object]) -> threading.Thread:
    """A thread that does it: a lock that it needs may be held by what a signal interrupted."""

    def attempt() -> None:
        with contextlib.suppress(Exception):
            act()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    return thread


_current: Ending | None = None


@contextmanager
def armed() -> Iterator[Ending]:
    """Within the block SIGINT, SIGTERM and SIGHUP end the command as this module says.

    To be entered in the main thread. An end that began inside is finished with the block, and the
    process with it.
    """
    global _current
    _current = ending = Ending()
    signal.set_wakeup_fd(ending._pipe[1], warn_on_full_buffer=False)
    ending.take_signals()
    threading.Thread(target=ending.watch, name="bon-signals", daemon=True).start()
    try:
        ending.import_all()
        yield ending
    finally:
        ending._raised = True  # there is nothing left to leave
        if ending.has_begun():
            with contextlib.suppress(Exception):
                sys.stdout.flush()
            ending.finish()  # whatever was raised is not wrong: the block was ended
        ending.close()
        _current = None


def current() -> Ending | None:
    """The ending of this process's command; None in a deployment's flow run, or under a test."""
    return _current


def end(said: str) -> None:
    """End this process's command, if it is one, with these words and status 1. From any thread."""
    if _current is not None:
        _current.end(Cause(said, 1))


def take_signals() -> None:
    """Install this command's handlers again, where a library has put its own in their place."""
    if _current is not None:
        _current.take_signals()


def enter_flow(flow_run: str | None) -> None:
    """To be called first in a flow: Prefect has just put its own handler for SIGTERM in place."""
    if _current is not None:
        _current.flow_run = flow_run
        _current.take_signals()
