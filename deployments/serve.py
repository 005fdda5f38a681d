"""The Prefect API of `bon serve`: the user's, or a server of its own that asks for credentials."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deployments.credentials import given_auth, kept_auth, prefect_home, private_folder
from deployments.listener import listening_user
from deployments.lock import held_alone
from deployments.server_log import ServerLog
from flows.cli.printing import complain, say
from flows.errors import RequestError, UnavailableError
from flows.prefect_api import accepts, expect_answer
from flows.prefect_server import (
    CLIENT_AUTH,
    healthy,
    last_words,
    start_server,
    stop_server,
    wait_until_healthy,
)

_SERVE_ALONE = "start that server, or unset it: then `bon serve` starts one of its own"

EVERYWHERE = ("0.0.0.0", "::")
"""Hosts that mean all of the machine's addresses."""


@dataclass(frozen=True)
class Served:
    """The API, and the server behind it if we started one."""

    address: str
    server: subprocess.Popen[bytes] | None = None
    log: Path | None = None
    alone: bool = False
    """No other `bon serve` uses this API: a run that says nothing of its server has none."""

    def gone(self) -> str:
        """What to say when it does not answer any more."""
        if self.log is None:
            return f"the Prefect API at {self.address} went away"
        return f"the Prefect server ended: {last_words(self.log)}; its log: {self.log}"


@contextmanager
def serving_api(host: str, port: int) -> Iterator[Served]:
    """The API that `PREFECT_API_URL` names, else the server at host:port, started if none is there.

    To be entered before prefect is imported. Raises RequestError if something else has the port, or
    the API refuses us.
    """
    # A request waits until the runner looks: every two seconds instead of Prefect's ten.
    os.environ.setdefault("PREFECT_RUNNER_POLL_FREQUENCY", "2")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    if address := os.environ.get("PREFECT_API_URL"):
        expect_answer(address, _SERVE_ALONE)
        _warn_if_open(address)
        _tell_how_to_ask(address, None)
        yield Served(address)
        return
    given = given_auth()
    folder = private_folder()
    auth, file = (given, None) if given else kept_auth(folder)
    here = "127.0.0.1" if host in (*EVERYWHERE, "localhost") else host
    address = f"http://{f'[{here}]' if ':' in here else here}:{port}/api"
    os.environ |= {"PREFECT_API_URL": address, CLIENT_AUTH: auth}
    if healthy(address):
        _expect_ours(address, here, port)
        _tell_how_to_ask(address, file)
        yield Served(address)
        return
    with held_alone(folder / "lock") as alone:
        yield from _own_server(host, port, auth, file, folder, alone)


def _own_server(
    host: str, port: int, auth: str, file: Path | None, folder: Path, alone: bool
) -> Iterator[Served]:
    address = os.environ["PREFECT_API_URL"]
    try:
        page = folder / f"page-{port}"
        server = start_server(host, port, None, auth=auth, services=True, page=page)
    except OSError as error:
        raise RequestError(_cannot_listen(host, port, error)) from None
    assert server.stdout is not None
    log = ServerLog(server.stdout, folder / f"server-{port}.log", complain)
    try:
        import_module("deployments.catalogue")  # some seconds, as the server takes
        try:
            wait_until_healthy(address, server, log.path)
        except UnavailableError:
            log.close()
            raise UnavailableError(
                f"the Prefect server did not start: {last_words(log.path)}; its log: {log.path}"
            ) from None
        _tell_how_to_ask(address, file)
        complain(f"the server's log: {log.path}; its database: {_database()}")
        yield Served(address, server, log.path, alone)
    finally:
        stop_server(server)
        log.close()


def _expect_ours(address: str, host: str, port: int) -> None:
    """Raise RequestError unless the server that is there already is ours to use.

    Another user's server could have us run whatever it says, and would learn our credentials.
    """
    user = listening_user(host, port)
    if user not in (os.getuid(), 0):
        raise RequestError(
            f"another user's server listens at {address}; choose another --port, or set "
            "PREFECT_API_URL if that server is to be trusted"
        )
    expect_answer(address)
    _warn_if_open(address)


def _warn_if_open(address: str) -> None:
    if accepts(address, None):
        complain(
            f"WARNING: the Prefect API at {address} asks for no credentials: anyone who reaches "
            "it can start flows here; set PREFECT_SERVER_API_AUTH_STRING for that server"
        )


def _tell_how_to_ask(address: str, file: Path | None) -> None:
    """The lines to type. `file` holds the credentials; None: the user's environment has them."""
    complain("to start a run, type in another terminal:")
    say(f"export PREFECT_API_URL={shlex.quote(address)}", err=True)
    if file is not None:
        say(f'export {CLIENT_AUTH}="$(cat {shlex.quote(str(file))})"', err=True)
    elif os.environ.get(CLIENT_AUTH):
        say(f"export {CLIENT_AUTH}=...  # as it is set here", err=True)
    say("prefect deployment run bon-sweep/default", err=True)


def _database() -> str:
    url = os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL")
    other = url or os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL")
    return "as PREFECT_API_DATABASE_CONNECTION_URL says" if other else str(prefect_home())


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use by something that is no Prefect server; "
            "free it, choose another with --port, or set PREFECT_API_URL"
        )
    return f"no server can listen at --host {host} --port {port}: {error.strerror}"
