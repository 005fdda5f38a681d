"""A server's log is kept, its size is bounded, and its errors are shown once."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from deployments.server_log import ServerLog

ERROR = "03:00:00.000 | ERROR   | prefect.server.services.scheduler - Unexpected error in: {}"


def logged(path: Path, source: str, limit: int = 10_000) -> list[str]:
    """What is shown of a process that runs `source`."""
    shown: list[str] = []
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        log = ServerLog(process.stdout, path, shown.append, limit)
        process.wait(timeout=60)
        log.close()
    return shown


def test_errors_are_shown_with_the_place_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    lines = [ERROR.format("run 17"), "Traceback (most recent call last):", "  File 'x.py', line 1"]
    lines += ["sqlalchemy.exc.InvalidRequestError: Can't evaluate", ERROR.format("run 18")]
    lines += ["03:00:00.000 | WARNING | prefect - nothing", "ERROR:    [Errno 98] in use"]
    first, cause, last = logged(path, f"print({chr(10).join(lines)!r})")
    assert "Unexpected error in: run 17" in first
    assert str(path) in first
    assert "InvalidRequestError: Can't evaluate" in cause
    assert "[Errno 98] in use" in last
    assert path.read_text().splitlines() == lines
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_size_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    logged(path, "for i in range(5000): print(f'line {i}')\nprint('x' * 200_000, end='')")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 200_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["server.log", "server.log.1"]
    assert path.read_text().endswith("x")
