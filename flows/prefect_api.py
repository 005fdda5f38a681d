"""The Prefect API of one command: the one that `PREFECT_API_URL` names, else a private server.

Prefect's own temporary server outlives a killed parent; ours is told by the kernel to end with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from flows.errors import RequestError

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 90.0

_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_UI_ENABLED": "false",
}


class PrefectUnavailableError(RuntimeError):
    """The private Prefect server did not start."""


@dataclass(frozen=True)
class PrefectApi:
    """An address, and the server behind it if we started one."""

    address: str
    server: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    def wait(self) -> None:
        """Return once the API answers: at once for a server that is not ours.

        Raises PrefectUnavailableError with the server's last words.
        """
        if self.server is not None and self.log is not None:
            wait_until_healthy(self.address, self.server, self.log)


@contextmanager
def prefect_api() -> Iterator[PrefectApi]:
    """The API, for the length of the block: starting, so that imports can go on beside it.

    To be entered before prefect is imported, which reads its settings once.
    Raises RequestError if nothing answers where `PREFECT_API_URL` points.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if address := os.environ.get("PREFECT_API_URL"):
        _expect_answer(address)
        yield PrefectApi(address)
        return
    port = free_port()
    address = f"http://127.0.0.1:{port}/api"
    os.environ["PREFECT_API_URL"] = address
    with tempfile.TemporaryDirectory(prefix="bon-prefect-") as folder:
        log = Path(folder) / "server.log"
        server = start_server("127.0.0.1", port, log)
        try:
            yield PrefectApi(address, server, log)
        finally:
            del os.environ["PREFECT_API_URL"]
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _expect_answer(address: str) -> None:
    """Whatever the answer is: what it means (a key that is missing, say) Prefect knows better."""
    try:
        httpx.get(f"{address}/health", timeout=10.0, verify=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RequestError(
            f"no Prefect API answers at PREFECT_API_URL={address} ({error}): start one "
            "(`prefect server start`, `bon serve`), or unset it for a private one"
        ) from None


def start_server(
    host: str, port: int, log: Path, *, services: bool = False
) -> subprocess.Popen[bytes]:
    """A Prefect server as a child that dies with this process; `services` runs its scheduler."""
    environment = os.environ | ({} if services else {"PREFECT__SERVER_EPHEMERAL": "1"})
    command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    command += ["--host", host, "--port", str(port), "--log-level", "error"]
    with log.open("wb") as sink:
        # A session of its own: Ctrl-C in a terminal goes to all of a group, and what is interrupted
        # still has something to tell the server.
        return subprocess.Popen(
            command,
            env=environment,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the API answers. Raises PrefectUnavailableError if it ends or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if healthy(address):
            return
        time.sleep(0.1)
    server.kill()
    words = log.read_text(errors="replace").strip().splitlines()
    raise PrefectUnavailableError(
        f"the Prefect server did not start: {words[-1] if words else 'no output'}"
    )


def healthy(address: str) -> bool:
    """Whether a Prefect API answers there."""
    try:
        return httpx.get(f"{address}/health", timeout=2.0, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
