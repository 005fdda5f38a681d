"""What a process printed, cut short, and how it ended."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass

_KEPT = 4096
_LINE = 300


@dataclass
class Log:
    """Head and tail; the middle of a flood is let go."""

    head: bytes = b""
    tail: bytes = b""

    def add(self, data: bytes) -> None:
        room = _KEPT - len(self.head)
        self.head += data[:room]
        self.tail = (self.tail + data[room:])[-_KEPT:]

    def obituary(self, code: int) -> str:
        """`code`: as of `Popen.returncode`. With the last line, if there is one."""
        how = f"exit status {code}" if code >= 0 else _signal_name(-code)
        lines = (self.head + self.tail).decode(errors="replace").strip().splitlines()
        return f"{how}: {lines[-1][:_LINE]}" if lines else how


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
