"""A watch over a private Ray: says at once that a process is gone which Ray cannot do without.

Ray itself takes up to a minute to notice, then fails in every place that needs it, at length.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psutil

_VITAL = {"raylet", "gcs_server"}
_EVERY_S = 0.05
"""Between looks for them while Ray starts: it says their process ids only later."""
_FAILING_S = 3.0
"""For Ray to say that it does not start: it kills its processes first."""


class RayWatch:
    """Calls `lost` with what happened, in a thread of its own, once a vital process has ended."""

    def __init__(self, lost: Callable[[str], object]) -> None:
        self._lost = lost
        self._lock = threading.Lock()
        self._closed, self._up = Event(), Event()
        self._watched: dict[int, str] = {}
        self._said: str | None = None

    @contextmanager
    def starting(self) -> Iterator[None]:
        """To be entered before Ray is started as this process's child, and left once it is up."""
        finder = Thread(target=self._find, daemon=True, name="bon-ray")
        finder.start()
        try:
            yield
        except BaseException:
            self.close()
            raise
        finally:
            self._up.set()
            finder.join()

    def gone(self) -> str | None:
        """What happened, if a vital process has ended while Ray was needed."""
        for process, name in self._watched.items():
            self._look(process, name, os.WNOHANG)
        return self._said

    def close(self) -> None:
        """From now on they may end."""
        self._closed.set()

    def _find(self) -> None:
        done = False
        while not done and len(self._watched) < len(_VITAL):
            done = self._up.wait(_EVERY_S)  # and one last look
            try:
                children = psutil.Process().children()
            except psutil.Error:
                continue
            for child in children:
                name = _name(child)
                if name in _VITAL and child.pid not in self._watched:
                    self._watched[child.pid] = name
                    look = (child.pid, name, 0)
                    Thread(target=self._look, args=look, daemon=True, name="bon-ray").start()

    def _look(self, process: int, name: str, options: int) -> None:
        """Wait for its end (WNOHANG: look for it), and leave it to Ray to reap it."""
        how = "has ended"
        try:
            ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | options)
        except ChildProcessError:  # Ray reaped it
            pass
        else:
            if ended is None:
                return
            how = _how(ended.si_code, ended.si_status)
        if not options & os.WNOHANG:
            self._up.wait(_FAILING_S)
        with self._lock:
            if self._closed.is_set() or self._said is not None:
                return
            self._said = f"the private Ray is lost: its {name} {how}"
        self._lost(self._said)


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def _how(code: int, status: int) -> str:
    if code == os.CLD_EXITED:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(status).name}"
