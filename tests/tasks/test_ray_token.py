"""A cluster gets the token that it wants, whatever lies in the home directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from kernels_eval.scratch import scratch_directory
from tasks.cluster import cluster
from tasks.errors import RequestError
from tasks.ray_token import _environment

pytestmark = pytest.mark.slow

RIGHT, WRONG = "a" * 64, "b" * 64


@contextmanager
def _cluster(mode: str) -> Iterator[str]:
    with scratch_directory("bon-ray-") as place:
        with _environment({"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": RIGHT}):
            arguments = {"num_cpus": 1, "temp_dir": str(place / "r")}
            made = Cluster(initialize_head=True, head_node_args=arguments)
        yield made.address
        with _environment({"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": RIGHT}):
            made.shutdown()


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[str]:
    """Address of a cluster without tokens."""
    with _cluster("disabled") as address:
        yield address


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """Address of a cluster that wants RIGHT."""
    with _cluster("token") as address:
        yield address


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where Ray would look for a token."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ray").mkdir()
    return tmp_path


def _of_ray() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("RAY_AUTH")}


def _works(address: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a task of that cluster answers: more than being connected."""
    monkeypatch.setenv("RAY_ADDRESS", address)
    before = _of_ray()
    with cluster():
        answer = ray.get(ray.remote(num_cpus=0)(lambda: 1).remote(), timeout=60)
    assert _of_ray() == before
    return bool(answer)


@pytest.mark.parametrize("place", ["nowhere", "file", "variable", "empty"])
def test_without_tokens_none_is_sent(
    open_to_all: str, home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "file":  # as Ray itself leaves one after any local run
        (home / ".ray" / "auth_token").write_text(WRONG)
    if place == "variable":
        monkeypatch.setenv("RAY_AUTH_TOKEN", WRONG)
    if place == "empty":  # as Prefect fills in what is not set
        for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
            monkeypatch.setenv(name, "")
    assert _works(open_to_all, monkeypatch)


@pytest.mark.parametrize("place", ["file", "variable", "path", "with mode"])
def test_the_right_token_is_sent(
    guarded: str, home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    token = home / ".ray" / ("auth_token" if place == "file" else "elsewhere")
    token.write_text(RIGHT)
    if place == "path":
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    elif place != "file":
        monkeypatch.setenv("RAY_AUTH_TOKEN", RIGHT)
    if place == "with mode":
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert _works(guarded, monkeypatch)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "wants its token, and none is set: put it in RAY_AUTH_TOKEN"),
        ({"RAY_AUTH_TOKEN": WRONG}, "the one in RAY_AUTH_TOKEN is another"),
        ({"RAY_AUTH_TOKEN_PATH": "/nowhere"}, "RAY_AUTH_TOKEN_PATH=/nowhere holds none"),
        ({"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": RIGHT}, "RAY_AUTH_MODE=disabled forbids"),
    ],
)
def test_a_token_that_does_not_fit_is_one_line(
    guarded: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variables: dict[str, str],
    said: str,
) -> None:
    assert home.is_dir()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RequestError) as refused:
        _works(guarded, monkeypatch)
    assert said in str(refused.value)
    assert f"RAY_ADDRESS={guarded}" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")  # Ray's core writes past Python's stderr


def test_the_wrong_token_in_the_home_directory_is_named(
    guarded: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".ray" / "auth_token").write_text(WRONG)
    with pytest.raises(RequestError, match=r"the one in ~/\.ray/auth_token is another"):
        _works(guarded, monkeypatch)


def test_a_mode_that_the_cluster_does_not_share_is_named(
    open_to_all: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home.is_dir()
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(RequestError, match="takes no token, and RAY_AUTH_MODE=token asks for one"):
        _works(open_to_all, monkeypatch)
