"""Ray's token: a random one for a private Ray, the user's own for a cluster.

Ray reads the token and the mode (`RAY_AUTH_MODE`) from the environment, and keeps what it read. A
driver and its cluster have to agree: one without the cluster's token waits for a minute and then
ends, and one that sends a token to a cluster without tokens connects, but hears from no actor.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ray._private.services import canonicalize_bootstrap_address
from ray._raylet import (  # type: ignore[attr-defined]
    AuthenticationTokenLoader,
    Config,
    GcsClient,
)
from ray.exceptions import AuthenticationError

from tasks.errors import RequestError

MODE = "RAY_AUTH_MODE"
TOKEN = "RAY_AUTH_TOKEN"
TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"

_METRICS = {"AUTOSCALER_METRIC_PORT": "-1"}
"""No port can have this number: Ray has no other way to leave out the autoscaler's metrics, which
anyone could read without a token. That it could not listen is in the autoscaler's log alone."""

_ANY_TOKEN = f"{TOKEN}, {TOKEN_PATH} or ~/.ray/auth_token"


@contextmanager
def private_token(directory: Path) -> Iterator[None]:
    """Within the block Ray uses a random token, kept in a file of `directory` (mode 0600).

    What is started there has no port that answers without it.

    Nothing is written to the home directory: Ray takes a token that it finds there for a sign that
    every cluster wants it.
    """
    path = directory / "token"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32), encoding="ascii")
    with _environment({MODE: "token", TOKEN: None, TOKEN_PATH: str(path)} | _METRICS):
        yield


@contextmanager
def cluster_token(address: str) -> Iterator[None]:
    """Within the block Ray uses the user's token if the cluster at `address` wants one.

    Raises RequestError if the cluster wants a token and was given none or another one, and if
    `RAY_AUTH_MODE` says other than the cluster does.
    """
    if address.startswith("ray://"):
        yield  # Ray's client, which has a server of its own
        return
    asked = (os.environ.get(MODE) or "").lower()
    given = {name: os.environ.get(name) or None for name in (TOKEN, TOKEN_PATH)}  # empty: not set
    with _environment(given | {MODE: "disabled"}):
        resolved = str(canonicalize_bootstrap_address(address))
        open_to_all = _admits(resolved)
    if open_to_all and asked == "token":
        raise RequestError(
            f"the Ray cluster at RAY_ADDRESS={address} takes no token, and {MODE}=token asks for "
            f"one: unset {MODE}, or start every node of the cluster with {MODE}=token"
        )
    if not open_to_all and asked == "disabled":
        raise RequestError(
            f"the Ray cluster at RAY_ADDRESS={address} wants its token, and {MODE}=disabled "
            f"forbids to send one: set {MODE}=token and the cluster's token ({_ANY_TOKEN})"
        )
    with _environment(given | {MODE: "disabled" if open_to_all else "token"}):
        if not open_to_all:
            _expect_right_token(resolved, address)
        yield


def _expect_right_token(resolved: str, address: str) -> None:
    wanted = f"the Ray cluster at RAY_ADDRESS={address} wants its token"
    try:
        found = AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
    except AuthenticationError:  # a path without a file, an empty file
        found = False
    if not found:
        path = os.environ.get(TOKEN_PATH)
        why = f"{TOKEN_PATH}={path} holds none" if path else "none is set"
        raise RequestError(f"{wanted}, and {why}: put it in {_ANY_TOKEN}")
    if not _admits(resolved):
        raise RequestError(
            f"{wanted}, and the one in {_place_of_token()} is another: set {TOKEN} or "
            f"{TOKEN_PATH} to the cluster's (`ray get-auth-token` on its head prints it)"
        )


def _place_of_token() -> str:
    """Where Ray took the token from: its own order."""
    return next((name for name in (TOKEN, TOKEN_PATH) if os.environ.get(name)), "~/.ray/auth_token")


def _admits(address: str) -> bool:
    """Whether the cluster's head answers with the token that the environment names now."""
    with _quiet_core():
        try:
            GcsClient(address=address)
        except AuthenticationError:
            return False
    return True


@contextmanager
def _quiet_core() -> Iterator[None]:
    """No log lines of Ray's C++ core, which writes to the descriptor of stderr."""
    kept = os.dup(2)
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        os.close(sink)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables (None: unset) for the block, and have Ray read them anew on both ends."""
    before = {name: os.environ.get(name) for name in values}
    _put(values)
    try:
        yield
    finally:
        _put(before)


def _put(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
