"""The Prefect API of a command: what is said when it went away, and what a private one leaves."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from flows.cli.interrupt import going_on
from flows.errors import UnavailableError
from flows.prefect_api import PrefectApi, accepts, prefect_api
from flows.prefect_server import CLIENT_AUTH, free_port


def test_an_api_that_went_away() -> None:
    api = PrefectApi(f"http://127.0.0.1:{free_port()}/api")
    with (
        pytest.raises(UnavailableError, match=r"went away .*; this goes on"),
        going_on(lambda: "this goes on"),
        api.watched(),
    ):
        raise ConnectionError("of Prefect's client")


def test_an_error_while_the_api_is_there(prefect_server: str) -> None:
    with pytest.raises(ConnectionError), PrefectApi(prefect_server).watched():
        raise ConnectionError("of the flow's own")


def test_a_private_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = dict(os.environ)
    with prefect_api() as api:
        api.wait()
        assert os.environ["PREFECT_API_URL"] == api.address
        assert os.environ[CLIENT_AUTH] != before[CLIENT_AUTH]
        assert accepts(api.address, os.environ[CLIENT_AUTH])
        assert not accepts(api.address, before[CLIENT_AUTH])
        assert not accepts(api.address, None)
    assert os.environ[CLIENT_AUTH] == before[CLIENT_AUTH]
    assert "PREFECT_API_URL" not in os.environ
    assert not list(tmp_path.iterdir())
