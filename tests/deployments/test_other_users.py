"""Without credentials the API gives nothing, to another user or to a page of another origin."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from flows.prefect_server import CLIENT_AUTH
from tests.deployments.conftest import Serving

pytestmark = pytest.mark.slow

OPEN = {("GET", "/api/health"), ("GET", "/api/ready")}
SOCKETS = [
    "events/in",
    "events/out",
    "logs/out",
    "task_runs/subscriptions/scheduled",
    "work_pools/any/workers/connect",
]
FOREIGN = "https://foreign.example"
NOBODY = 65534


@pytest.fixture(scope="module")
def stranger(served: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.address.removesuffix("/api"), trust_env=False) as client:
        yield client


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    """Every (method, path) that the server says it has, with some value for each parameter."""
    document = client.get("/openapi.json").json()
    return [
        (method.upper(), "/api" + re.sub(r"{[^}]*}", str(uuid4()), path))
        for path, methods in document["paths"].items()
        for method in methods
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic Ym9uOmd1ZXNzZWQ="},  # bon:guessed
        {"Authorization": "Bearer guessed"},
        {"Authorization": "Basic"},
        {"Origin": FOREIGN, "Host": "health"},
    ],
)
def test_wrong_credentials(stranger: httpx.Client, headers: dict[str, str]) -> None:
    for method, path in routes(stranger)[::20]:
        answer = stranger.request(method, path, headers=headers, json={})
        assert answer.status_code == 401 or (method, path) in OPEN, (method, path)


def test_every_route_asks_for_credentials(stranger: httpx.Client) -> None:
    answers = {
        (method, path): stranger.request(method, path, json={}).status_code
        for method, path in routes(stranger)
    }
    assert len(answers) > 100
    let_in = {route for route, status in answers.items() if status != 401}
    assert let_in <= OPEN


def test_a_path_that_looks_like_an_open_one(stranger: httpx.Client) -> None:
    for path in ("/api/variables/name/health", "/api//health", "/api/health/", "/api/HEALTH"):
        assert stranger.get(path).status_code in (307, 401), path
    assert stranger.post("/api/health").status_code == 401


def test_a_run_is_not_made_by_a_stranger(served: Serving, stranger: httpx.Client) -> None:
    found = served.asked("GET", "deployments/name/bon-sweep/default")
    body = {"parameters": {"suite": "dir:/tmp"}}
    answer = stranger.post(f"/api/deployments/{found['id']}/create_flow_run", json=body)
    assert answer.status_code == 401


def test_no_foreign_page_may_read_an_answer(served: Serving, stranger: httpx.Client) -> None:
    asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}
    before = stranger.options("/api/flow_runs/filter", headers=asked)
    assert before.status_code == 400
    for answer in (before, stranger.get("/api/health", headers={"Origin": FOREIGN})):
        assert "access-control-allow-origin" not in answer.headers
    own = stranger.get("/api/health", headers={"Origin": served.address.removesuffix("/api")})
    assert own.headers["access-control-allow-origin"] == served.address.removesuffix("/api")


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("protocol", [None, "prefect"])
@pytest.mark.parametrize("token", ["guessed", "", None])
def test_web_sockets_are_refused(
    served: Serving, path: str, protocol: str | None, token: str | None
) -> None:
    address = f"{served.address.replace('http', 'ws', 1)}/{path}"
    with pytest.raises((ConnectionClosed, InvalidStatus)) as refused:
        let_in(address, protocol, token)
    if isinstance(refused.value, ConnectionClosed):
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code in (1002, 1008)


def let_in(address: str, protocol: str | None, token: str | None) -> None:
    """Return once the server takes the token."""
    protocols = [Subprotocol(protocol)] if protocol else None
    with connect(address, subprotocols=protocols, proxy=None) as socket:
        socket.send(json.dumps({"type": "auth", "token": token}))
        while "auth_success" not in str(socket.recv(timeout=20)):
            pass


def test_the_token_is_what_a_web_socket_asks_for(served: Serving) -> None:
    address = f"{served.address.replace('http', 'ws', 1)}/events/in"
    let_in(address, "prefect", served.environment[CLIENT_AUTH])


def test_nobody_else_can_read_the_secret(served: Serving) -> None:
    secret = served.environment[CLIENT_AUTH]
    assert len(secret) > 40
    for file in served.home.glob("**/*"):
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file
    assert secret not in served.log.read_text()
    process = psutil.Process(served.process.pid)
    for one in [process, *process.children(recursive=True)]:
        assert secret not in " ".join(one.cmdline())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_reads_nothing(served: Serving) -> None:
    places = [served.home / "bon-serve" / "auth", Path(f"/proc/{served.process.pid}/environ")]
    server = psutil.Process(served.process.pid).children()[0]
    for place in [*places, Path(f"/proc/{server.pid}/environ")]:
        read = subprocess.run(["cat", place], user=NOBODY, capture_output=True, check=False)
        assert read.returncode != 0, place
        assert read.stdout == b""
