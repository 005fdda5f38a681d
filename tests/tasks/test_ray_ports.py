"""Whoever has no token gets nothing from any port of a private Ray, whatever is asked."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psutil
import pytest
import ray
import ray.core.generated

from tasks.cluster import cluster

pytestmark = pytest.mark.slow

UNIMPLEMENTED, UNAUTHENTICATED = "12", "16"
"""Of gRPC's statuses: no such method at this port, and nothing for you."""

NOT_GENERATED = {f"/ray.rpc.ObjectManagerService/{name}" for name in ("Push", "Pull")}
"""Methods that Ray has in C++ alone: objects are sent and asked for by them."""


def methods() -> set[str]:
    """The paths of all remote calls that Ray's own protocol files define."""
    found = set(NOT_GENERATED)
    for module in pkgutil.iter_modules(ray.core.generated.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"ray.core.generated.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                found |= {f"/{service.full_name}/{one.name}" for one in service.methods}
    return found


def family() -> Iterator[psutil.Process]:
    yield psutil.Process()
    yield from psutil.Process().children(recursive=True)


def ports() -> dict[int, str]:
    """Port → name of the process that listens at it."""
    return {
        one.laddr.port: process.name()
        for process in family()
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    }


def answers(port: int, paths: set[str]) -> dict[str, str]:
    """Path → gRPC's status, for a stranger's call with an empty message."""
    headers = {"content-type": "application/grpc", "te": "trailers"}
    with httpx.Client(http1=False, http2=True, trust_env=False, timeout=20) as client:
        return {
            path: client.post(
                f"http://127.0.0.1:{port}{path}", content=bytes(5), headers=headers
            ).headers["grpc-status"]
            for path in paths
        }


def status(port: int, method: str, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body=b"")
    return connection.getresponse().status


def until_said(log: Path, words: str) -> None:
    deadline = time.monotonic() + 60
    while not (log.exists() and words in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_stranger_gets_nothing_from_any_port() -> None:
    asked = methods()
    assert len(asked) > 100
    with cluster():
        ray.get(ray.remote(lambda: 1).remote())  # so that workers listen, too
        session = Path(ray._private.worker._global_node.get_session_dir_path())
        # The autoscaler's metrics, which no token protects, would be there by now.
        until_said(session / "logs" / "monitor.log", "while starting the metrics server")
        refused = set()
        for port, name in ports().items():
            if name == "ray::RuntimeEnvAgent":  # speaks HTTP/1
                for path in ("/", "/get_or_create_runtime_env", "/delete_runtime_env_if_possible"):
                    assert {status(port, method, path) for method in ("GET", "POST")} == {401}
                continue
            try:
                found = answers(port, asked)
            except httpx.TransportError:
                time.sleep(2)
                if port in ports():
                    raise
                continue  # an idle worker, which Ray ended meanwhile
            assert set(found.values()) <= {UNIMPLEMENTED, UNAUTHENTICATED}, (name, port, found)
            refused |= {path for path, one in found.items() if one == UNAUTHENTICATED}
    assert refused >= NOT_GENERATED  # the object manager was among them
    assert len(refused) > 80
