"""`bon serve`: register every deployment with the Prefect API and run what is asked of it."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from flows.errors import RequestError
from flows.prefect_api import healthy, start_server, wait_until_healthy


@contextmanager
def serving_api(host: str, port: int) -> Iterator[str]:
    """The API that `PREFECT_API_URL` names, else the server at host:port, started if none is there.

    To be entered before prefect is imported. Raises RequestError if something else has the port.
    """
    # Somebody waits for what they asked for; Prefect would look every ten seconds.
    os.environ.setdefault("PREFECT_RUNNER_POLL_FREQUENCY", "2")
    if address := os.environ.get("PREFECT_API_URL"):
        if not healthy(address):
            raise RequestError(
                f"no Prefect server answers at PREFECT_API_URL={address}; start it, or unset it"
            )
        yield address
        return
    address = f"http://{host}:{port}/api"
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ["PREFECT_API_URL"] = address
    if healthy(address):
        yield address
        return
    if _taken(host, port):
        raise RequestError(
            f"port {port} on {host} is in use by something that is no Prefect server; "
            "free it, choose another with --port, or set PREFECT_API_URL"
        )
    with tempfile.TemporaryDirectory(prefix="bon-serve-") as folder:
        log = Path(folder) / "server.log"
        server = start_server(host, port, log, services=True)
        try:
            import_module("deployments.catalogue")  # some seconds, as the server takes
            wait_until_healthy(address, server, log)
            yield address
        finally:
            server.terminate()
            server.wait()


def serve_catalogue() -> None:
    """Register and serve all entries from this process, until interrupted."""
    from prefect import serve
    from prefect.types.entrypoint import EntrypointType

    from deployments.catalogue import catalogue

    deployments: list[Any] = [  # coroutines only where a loop runs already
        entry.flow.to_deployment(
            entry.name,
            cron=entry.cron,
            parameters=entry.parameters,
            description=entry.description,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for entry in catalogue()
    ]
    # The default pauses every schedule when this process ends, and so loses the nights after it.
    serve(*deployments, pause_on_shutdown=False)


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
