"""Without credentials the API gives nothing, to another user or to a page of another origin."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from flows.prefect_server import CLIENT_AUTH, STATIC
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


ROUTES = """
import json
from prefect.server.api.server import create_app
from starlette.routing import Mount

def below(routes, place):
    for route in routes:
        path = place + route.path
        if isinstance(route, Mount):
            yield None, path + "/"
            yield from below(getattr(route.app, "routes", None) or [], path)
        else:
            yield from ((method, path) for method in getattr(route, "methods", None) or ["WS"])

print(json.dumps(list(below(create_app().routes, ""))))
"""

PAGE = {"/", "/v2/", "/ui-settings", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}
"""All that docs/trust.md says is answered beside the API: the page, and the list of routes."""


def test_nothing_answers_but_what_is_documented(
    served: Serving, stranger: httpx.Client, tmp_path: Path
) -> None:
    environment = os.environ | {"PREFECT_HOME": str(served.home), STATIC: str(tmp_path)}
    printed = subprocess.check_output([sys.executable, "-c", ROUTES], env=environment, text=True)
    found = [(method, path) for method, path in json.loads(printed)]
    assert len(found) > 200
    outside = {(method, path) for method, path in found if not path.startswith("/api/")}
    assert {path for _, path in outside} == PAGE
    assert {method for method, _ in outside} <= {"GET", "HEAD", None}
    documented = Path("docs/trust.md").read_text(encoding="utf-8")
    for path in PAGE:
        assert stranger.get(path).status_code == 200
        assert f"`{path}`" in documented
    for method, path in set(found) - outside:
        if method != "WS" and (method, path) not in OPEN | {("HEAD", path) for _, path in OPEN}:
            exact = re.sub(r"{[^}]*}", str(uuid4()), path)
            assert stranger.request(method or "GET", exact).status_code == 401, (method, path)


def test_the_page_holds_no_data(served: Serving, stranger: httpx.Client) -> None:
    """Any path that is not the API's is the page: the same file for everyone."""
    page = stranger.get("/").content
    for path in ("/runs", "/v2/runs/flow-run/any", "/a/path/that/nobody/has"):
        assert b"<html" in stranger.get(path).content
    assert stranger.get("/runs").content == page
    settings = stranger.get("/ui-settings").json()
    known = {"api_url", "csrf_enabled", "auth", "flags", "default_ui", "available_uis"}
    known |= {"v1_base_url", "v2_base_url"}
    assert set(settings) == known
    assert served.environment[CLIENT_AUTH] not in json.dumps(settings)


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
