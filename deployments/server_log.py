"""What a Prefect server prints: kept in a file of bounded size, its errors shown as they come."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import IO

LIMIT_BYTES = 4 * 1024 * 1024
"""Of a log; when it is full, it becomes `NAME.1`, and the one before that is dropped."""

_AGAIN_S = 60.0
"""The same error is not shown twice within so many seconds."""

_ERROR = re.compile(r"(?:\| |^)(?:ERROR|CRITICAL)[ |:]+(?P<said>.*)")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Timeout|Interrupt)\b.*")
_RECORD = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \|")
_ATTEMPT = re.compile(r"docket\.dependencies - ↩ \[[^\]]*\] (?P<task>\w+)")
"""A task of the server that failed and is run again, by Prefect itself."""
_LOCKED = "database is locked"
_ATTEMPTS, _WITHIN_S = 4, 10.0
"""Prefect tries five times, half a second apart, and does not log the last failure: a task that met
a locked database so many times in so many seconds has not got through."""
_VARIABLE = re.compile(r"[0-9a-f-]{8,}|\d+")


class ServerLog:
    """A file, and a thread that fills it from a pipe until that ends."""

    def __init__(
        self, source: IO[bytes], path: Path, show: Callable[[str], None], limit: int = LIMIT_BYTES
    ) -> None:
        """`show` is given one line for each error: what it is, and where the log is."""
        self.path = path
        self._source, self._show, self._limit = source, show, limit
        self._shown: dict[str, float] = {}
        self._in_traceback = False
        self._attempt: str | None = None
        self._locked: dict[str, deque[float]] = {}
        self._file = self._opened()
        self._thread = Thread(target=self._pump, name="bon-server-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the last line. To be called when the server has ended."""
        self._thread.join(timeout=5.0)

    def _opened(self) -> IO[bytes]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        file = os.fdopen(os.open(self.path, flags, 0o600), "ab", buffering=0)
        os.fchmod(file.fileno(), 0o600)
        return file

    def _pump(self) -> None:
        with self._source:
            # At most so much at once: a line without end must not fill the memory.
            while line := self._source.readline(65536):
                self._keep(line)
                self._report(line.decode(errors="replace").rstrip())
        self._file.close()

    def _keep(self, line: bytes) -> None:
        if self._file.tell() + len(line) > self._limit:
            self._file.close()
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
            self._file = self._opened()
        self._file.write(line)

    def _report(self, line: str) -> None:
        """Show an error's line, and what a traceback ends with.

        SQLite refuses a writer that read before another one wrote. Prefect then runs the task
        again: nothing is wrong unless that goes on.
        """
        if line.endswith(_TRACEBACK):
            self._in_traceback = True
            return
        if _RECORD.match(line):
            attempt = _ATTEMPT.search(line)
            self._attempt = attempt["task"] if attempt else None
        found = _ERROR.search(line)
        if found:
            self._in_traceback = False
            if self._attempt is None:
                self._show_once(found["said"])
        elif self._in_traceback and _EXCEPTION.match(line):
            self._in_traceback = False
            if self._attempt is None:
                self._show_once(line.rstrip())
            elif _LOCKED not in line or self._stays_locked(self._attempt, line):
                self._show_once(f"{self._attempt}: {line.rstrip()}")

    def _stays_locked(self, task: str, line: str) -> bool:
        """Note that a task met a locked database; whether it has not got through."""
        if not line.startswith("sqlalchemy."):  # the cause, told before: the same failure
            return False
        now, times = time.monotonic(), self._locked.setdefault(task, deque(maxlen=_ATTEMPTS))
        times.append(now)
        return len(times) == _ATTEMPTS and now - times[0] < _WITHIN_S

    def _show_once(self, said: str) -> None:
        now, kind = time.monotonic(), _VARIABLE.sub("", said)
        if now - self._shown.get(kind, -_AGAIN_S) >= _AGAIN_S:
            self._shown[kind] = now
            self._show(f"the Prefect server logged an error: {said[:300]}; its log: {self.path}")
