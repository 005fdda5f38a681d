"""The credentials of `bon serve`: the user's own, or made once and kept private."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from deployments.credentials import given_auth, kept_auth, private_folder
from deployments.listener import listening_user
from flows.errors import RequestError
from flows.prefect_server import CLIENT_AUTH, SERVER_AUTH
from tests.conftest import Bon


def test_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    before = os.umask(0)
    try:
        folder = private_folder()
        auth, file = kept_auth(folder)
    finally:
        os.umask(before)
    assert kept_auth(private_folder()) == (auth, file)
    assert auth.startswith("bon:")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_others_could_read_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    (tmp_path / "bon-serve").mkdir(mode=0o755)
    (tmp_path / "bon-serve" / "auth").write_text("a:b")
    (tmp_path / "prefect.db").touch(0o644)
    assert kept_auth(private_folder())[0] == "a:b"
    for file in tmp_path.glob("**/*"):
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file


def test_a_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    (private_folder() / "auth").symlink_to(elsewhere)
    with pytest.raises(RequestError, match="auth"):
        kept_auth(private_folder())
    assert not elsewhere.exists()


@pytest.mark.parametrize(
    ("client", "server", "auth"),
    [("u:p", None, "u:p"), (None, "u:p", "u:p"), ("u:p", "u:p", "u:p"), (None, None, None)],
)
def test_the_users_own(
    monkeypatch: pytest.MonkeyPatch, client: str | None, server: str | None, auth: str | None
) -> None:
    for name, value in ((CLIENT_AUTH, client), (SERVER_AUTH, server)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert given_auth() == auth


@pytest.mark.parametrize(("client", "server"), [("u:p", "u:q"), ("nocolon", ""), ("u:", "")])
def test_credentials_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch, client: str, server: str
) -> None:
    monkeypatch.setenv(CLIENT_AUTH, client)
    monkeypatch.setenv(SERVER_AUTH, server)
    with pytest.raises(RequestError, match=CLIENT_AUTH):
        given_auth()


def test_whose_server_listens() -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        mine.listen()
        port = int(mine.getsockname()[1])
        assert listening_user("127.0.0.1", port) == os.getuid()
    assert listening_user("127.0.0.1", port) is None
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        assert listening_user("::1", port) == os.getuid()
    assert listening_user("::1", port) is None


class Impostor(BaseHTTPRequestHandler):
    """Claims to be a Prefect server, and records the credentials that it is sent."""

    heard: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.heard.append(self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def impostor() -> Iterator[HTTPServer]:
    """A server of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    os.seteuid(65534)
    try:
        server = HTTPServer(("127.0.0.1", 0), Impostor)
    finally:
        os.seteuid(0)
    Impostor.heard.clear()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_users_server_is_told_nothing(
    bon: Bon, impostor: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(CLIENT_AUTH, raising=False)
    port = str(impostor.server_address[1])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_API_URL", "")
        answer = bon("serve", "--port", port)
    assert answer.returncode == 2
    assert "another user" in answer.stderr
    assert "--port" in answer.stderr
    assert set(Impostor.heard) == {None}


def test_an_api_that_refuses_us(
    bon: Bon, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    for auth in (None, "bon:guessed"):
        monkeypatch.delenv(CLIENT_AUTH, raising=False)
        if auth is not None:
            monkeypatch.setenv(CLIENT_AUTH, auth)
        for command in ("serve", "sweep"):
            answer = bon(command)
            assert answer.returncode == 2
            (line,) = answer.stderr.strip().splitlines()
            assert CLIENT_AUTH in line
            assert prefect_server in line
