"""A cluster that cannot be joined is one line that names it."""

from __future__ import annotations

import pytest

from flows.prefect_server import free_port
from tasks.cluster import cluster
from tasks.errors import RequestError


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "127.0.0.1:x"])
def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    address = address.format(port=free_port())
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(RequestError, match="RAY_ADDRESS") as refused, cluster():
        pass
    assert address in str(refused.value)
    assert "ray start" in str(refused.value)
