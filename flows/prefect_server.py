"""A Prefect server as our child: it asks for our credentials, and ends with the process.

Prefect's own temporary server outlives a killed parent; ours is told by the kernel to end with it.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx

from flows.errors import UnavailableError

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 90.0

CLIENT_AUTH = "PREFECT_API_AUTH_STRING"
SERVER_AUTH = "PREFECT_SERVER_API_AUTH_STRING"


STATIC = "PREFECT_UI_STATIC_DIRECTORY"
"""Setting: where the files of the page are put."""


def new_auth() -> str:
    """Fresh credentials in the form USER:PASSWORD, with 256 random bits."""
    return f"bon:{secrets.token_urlsafe(32)}"


def start_server(
    host: str,
    port: int,
    log: Path | None,
    *,
    auth: str,
    services: bool = False,
    page: Path | None = None,
) -> subprocess.Popen[bytes]:
    """A Prefect server at host:port that ends with this process and refuses all without `auth`.

    log: what it prints goes to this file; without one, to the process's `stdout`, a pipe.
    services: run the scheduler and its kin, too.
    page: where the files of its page are put; without one, it has no page. By default Prefect puts
    them beside its own code, where two servers that start at once take them from each other.

    The port is taken at once: while the server starts, no other process can answer in its place and
    be sent our credentials. Raises OSError if it is in use.
    """
    environment = os.environ | server_settings(port, auth)
    if not services:
        environment |= {"PREFECT__SERVER_EPHEMERAL": "1"}
    if page is None:
        environment |= {"PREFECT_UI_ENABLED": "false"}
    else:
        environment = {STATIC: str(page)} | environment
    # What lies in the user's directory (a `storage/`, a `json.py`) is none of the server's: Python
    # would look there first, and uvicorn as well.
    command = [sys.executable, "-P", "-m", "uvicorn", "--app-dir", sys.prefix]
    command += ["--factory", "prefect.server.api.server:create_app"]
    # A temporary server has nothing to put away, and an orderly end may take it ten seconds.
    with_parent = partial(_private_child, signal.SIGTERM if services else signal.SIGKILL)
    listener = _listener(host, port)
    command += ["--fd", str(listener.fileno()), "--log-level", "error"]
    sink = subprocess.PIPE if log is None else log.open("wb")
    try:
        # A session of its own: Ctrl-C in a terminal goes to all of a group, and what is interrupted
        # still has something to tell the server.
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[listener.fileno()],
            preexec_fn=with_parent,
        )
    finally:
        listener.close()
        if not isinstance(sink, int):
            sink.close()


def server_settings(port: int, auth: str) -> Mapping[str, str]:
    """The environment that makes a Prefect server ours alone.

    The secret travels in the environment: a command line is there for every user to read. Pages of
    other origins are not allowed to read an answer; the server's own page is of no other origin.
    """
    return {
        SERVER_AUTH: auth,
        CLIENT_AUTH: auth,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def stop_server(server: subprocess.Popen[bytes], seconds: float = 10.0) -> None:
    """End it and wait for that; after `seconds` it is killed."""
    server.terminate()
    try:
        server.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the API answers. Raises UnavailableError if it ends or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if healthy(address):
            return
        time.sleep(0.1)
    server.kill()
    server.wait()
    raise UnavailableError(f"the Prefect server did not start: {last_words(log)}")


def last_words(log: Path) -> str:
    """The last line of a server's log that says something: an error's, if there is one."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 65536))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    said = [line for line in lines if line]
    errors = [line for line in said if "Error" in line or "rror:" in line]
    return (errors or said or ["it printed nothing"])[-1][:300]


def healthy(address: str) -> bool:
    """Whether a Prefect API answers there; this route needs no credentials."""
    try:
        return httpx.get(f"{address}/health", timeout=2.0, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listener(host: str, port: int) -> socket.socket:
    kind = socket.SOCK_STREAM
    family, _, protocol, _, place = socket.getaddrinfo(host, port, type=kind)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _private_child(with_parent: signal.Signals) -> None:
    """`with_parent`: what the kernel sends it when its parent ends."""
    os.umask(0o077)  # its database and logs are for this user alone
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, with_parent, 0, 0, 0)
