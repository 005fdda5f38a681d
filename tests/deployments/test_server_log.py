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


ATTEMPT = """03:00:00.000 | ERROR   | docket.dependencies - ↩ [  7ms] {task}(ids=...){{{task}:17}}
Traceback (most recent call last):
  File "x.py", line 1, in x
sqlite3.OperationalError: {cause}

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "x.py", line 1, in x
sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) {cause}
[SQL: UPDATE deployment SET status='Error: database is locked']"""


def attempts(task: str, count: int, cause: str = "database is locked") -> str:
    return "\n".join([ATTEMPT.format(task=task, cause=cause)] * count)


def test_what_the_server_does_again_is_no_error(tmp_path: Path) -> None:
    lines = [attempts("mark_ready", 3), attempts("delete_logs", 3), ERROR.format("run 17")]
    (shown,) = logged(tmp_path / "log", f"print({chr(10).join(lines)!r})")
    assert "run 17" in shown
    assert (tmp_path / "log").read_text().count("database is locked") == 18


def test_what_stays_wrong_is_an_error(tmp_path: Path) -> None:
    (locked,) = logged(tmp_path / "log", f"print({attempts('mark_ready', 5)!r})")
    assert "mark_ready: sqlalchemy.exc.OperationalError" in locked
    full = attempts("mark_ready", 1, "database or disk is full")
    cause, error = logged(tmp_path / "log", f"print({full!r})")
    for line in (cause, error):
        assert "mark_ready" in line
        assert "disk is full" in line


def test_a_locked_database_that_nobody_waits_for_is_an_error(tmp_path: Path) -> None:
    lines = [attempts("mark_ready", 1), ERROR.format("run 17"), *ATTEMPT.splitlines()[1:]]
    said = logged(tmp_path / "log", f"print({chr(10).join(lines)!r})")
    assert len(said) == 3


def test_the_size_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    logged(path, "for i in range(5000): print(f'line {i}')\nprint('x' * 200_000, end='')")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 200_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["server.log", "server.log.1"]
    assert path.read_text().endswith("x")
