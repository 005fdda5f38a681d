"""What a Prefect server prints: kept in a file of bounded size, its errors shown as they come."""

from __future__ import annotations

import os
import re
import time
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
        """Show an error's line, and what a traceback ends with."""
        if line.endswith(_TRACEBACK):
            self._in_traceback = True
            return
        found = _ERROR.search(line)
        if found:
            self._in_traceback = False
            self._show_once(found["said"])
        elif self._in_traceback and _EXCEPTION.match(line):
            self._in_traceback = False
            self._show_once(line.rstrip())

    def _show_once(self, said: str) -> None:
        now, kind = time.monotonic(), _VARIABLE.sub("", said)
        if now - self._shown.get(kind, -_AGAIN_S) >= _AGAIN_S:
            self._shown[kind] = now
            self._show(f"the Prefect server logged an error: {said[:300]}; its log: {self.path}")
