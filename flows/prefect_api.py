"""The Prefect API of one command: the API at `PREFECT_API_URL`, else a private server."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from flows import ending
from flows.errors import RequestError, UnavailableError
from flows.prefect_server import (
    CLIENT_AUTH,
    free_port,
    new_auth,
    start_server,
    stop_server,
    wait_until_healthy,
)
from flows.prefect_watch import ApiWatch
from flows.refusals import refusals_unlogged
from kernels_eval.scratch import scratch_directory, sweep_scratch

_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_UI_ENABLED": "false",
}

_UNFINISHED = ("RUNNING", "PENDING", "SCHEDULED", "CANCELLING")
_LAST_WORD_S = 0.7

_RESULTS = ("PREFECT_RESULTS_LOCAL_STORAGE_PATH", "PREFECT_LOCAL_STORAGE_PATH")
"""Where Prefect keeps results: two names of one setting."""


@dataclass(frozen=True)
class PrefectApi:
    """An address, and the server behind it if we started one."""

    address: str
    server: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    @property
    def private(self) -> bool:
        """Whether it is a server of this command alone, on this user's own database."""
        return self.server is not None

    def wait(self) -> None:
        """Return once the API answers: at once for a server that is not ours.

        Raises UnavailableError with the server's last words.
        """
        if self.server is not None and self.log is not None:
            wait_until_healthy(self.address, self.server, self.log)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within the block the command ends soon after the API has gone away for good.

        Raises UnavailableError instead of what a flow raises once its API does not answer.
        """
        watch = ApiWatch(self.address, self.server)
        command = ending.current()
        if command is not None:
            command.at_last(lambda: self._crash(command.flow_run))
        with watch.running(), refusals_unlogged():
            try:
                yield
            except Exception as error:
                if watch.answers():
                    raise
                raise UnavailableError(
                    f"the Prefect API at {self.address} went away ({type(error).__name__})"
                ) from error

    def _crash(self, flow_run: str | None) -> None:
        """Tell the API that the flow run does not go on, if Prefect had no time for it.

        A private server's database outlives it, too.
        """
        headers = authorization(os.environ.get(CLIENT_AUTH))
        with httpx.Client(headers=headers, timeout=_LAST_WORD_S, verify=_trusted()) as client:
            place = f"{self.address}/flow_runs/{flow_run}"
            if client.get(place).json()["state_type"] in _UNFINISHED:
                state = {"type": "CRASHED", "message": "The command was ended by a signal."}
                client.post(f"{place}/set_state", json={"state": state, "force": True})


@contextmanager
def prefect_api() -> Iterator[PrefectApi]:
    """The API, for the length of the block: starting, so that imports can go on beside it.

    To be entered before prefect is imported, which reads its settings once.
    Raises RequestError if nothing answers where `PREFECT_API_URL` points, or it refuses us.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with own_folder("bon-prefect-") as folder:
        if address := os.environ.get("PREFECT_API_URL"):
            expect_answer(address)
            yield PrefectApi(address)
        else:
            with _private_server(folder) as api:
                yield api


@contextmanager
def _private_server(folder: Path) -> Iterator[PrefectApi]:
    port, auth, log = free_port(), new_auth(), folder / "server.log"
    address = f"http://127.0.0.1:{port}/api"
    server = start_server("127.0.0.1", port, log, auth=auth)
    try:
        # Nobody reads a log that goes with its server, and its sender outlives that and complains.
        unsent = {"PREFECT_LOGGING_TO_API_ENABLED": "false"}
        with _environment({"PREFECT_API_URL": address, CLIENT_AUTH: auth} | unsent):
            yield PrefectApi(address, server, log)
    finally:
        stop_server(server)


_START_ONE = "start one (`prefect server start`, `bon serve`), or unset it for a private one"


def expect_answer(address: str, mend: str = _START_ONE) -> None:
    """Raise RequestError if no API answers at `address`, or if it refuses our credentials.

    `mend`: what to do if none answers.
    """
    try:
        httpx.get(f"{address}/health", timeout=10.0, verify=False)
        accepted = accepts(address, os.environ.get(CLIENT_AUTH))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RequestError(
            f"no Prefect API answers at PREFECT_API_URL={address} ({error}): {mend}"
        ) from None
    if not accepted and not os.environ.get("PREFECT_API_KEY"):
        raise RequestError(
            f"the Prefect API at PREFECT_API_URL={address} refuses {_credentials()}: set "
            f"{CLIENT_AUTH} to the server's (`bon serve` prints the line to type), or unset "
            "PREFECT_API_URL for a private server"
        )


def accepts(address: str, auth: str | None) -> bool:
    """Whether the API at `address` lets these credentials in (None: none at all).

    Raises httpx.HTTPError if it does not answer.
    """
    where = f"{address}/admin/version"
    answer = httpx.get(where, headers=authorization(auth), timeout=10.0, verify=_trusted())
    return answer.status_code not in (401, 403)


def _trusted() -> bool | ssl.SSLContext:
    """The certificates accepted before credentials are sent: those of Prefect's own settings."""
    if os.environ.get("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "").lower() in ("1", "true", "yes"):
        return False
    file = os.environ.get("PREFECT_API_SSL_CERT_FILE")
    return ssl.create_default_context(cafile=file) if file else True


def authorization(auth: str | None) -> dict[str, str]:
    """The header with these credentials; none without."""
    if auth is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"}


def _credentials() -> str:
    given = os.environ.get(CLIENT_AUTH)
    return f"the credentials in {CLIENT_AUTH}" if given else "requests without credentials"


@contextmanager
def own_folder(prefix: str) -> Iterator[Path]:
    """A scratch directory, also for what Prefect pickles of failed tasks: it is of no use later.

    What killed commands left is removed first.
    """
    sweep_scratch()
    with scratch_directory(prefix) as folder:
        users = any(name in os.environ for name in _RESULTS)
        with _environment({} if users else {_RESULTS[0]: str(folder / "results")}):
            yield folder


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
