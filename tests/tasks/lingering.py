"""Which processes still have to do with a directory."""

from __future__ import annotations

import time
from pathlib import Path

import psutil


def using(place: Path) -> list[psutil.Process]:
    """Running ones with a file of it open, or its name in their command line or environment."""
    found = []
    for one in psutil.process_iter():
        home = Path(f"/proc/{one.pid}")
        try:
            words = [*one.cmdline(), (home / "environ").read_bytes().decode(errors="replace")]
            words += [str(link.readlink()) for link in ((home / "cwd"), *(home / "fd").iterdir())]
            if any(str(place) in word for word in words) and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except (psutil.Error, OSError):
            continue
    return found


def left_after(seconds: float, place: Path) -> list[str]:
    """Processes and directory, once there are none any more or after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        left = [str(one) for one in using(place)]
        left += [str(place)] if place.exists() else []
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.2)
