"""Which server trains, what it trains, and whether that can be."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from tasks.errors import RequestError
from tasks.policies.options import Options, parse_options

if TYPE_CHECKING:
    from tasks.adapt.trainers.base import StepSpec, Trainer

CLIENT = "0.25.0"
"""The client's version. The protocol changes with it, so client and server go in pairs."""

SERVER = "SkyRL 0.4.0"
"""The server of one's own that this client was tried with."""

ALPHA = 32.0
"""Every server scales an adapter of rank r by 32 / r."""

KEY = "TINKER_API_KEY"

_NO_KEY = "tml-none"
"""The client wants one, servers of one's own mostly don't."""

_REACH_SECONDS = 10.0


class TinkerOptions(Options):
    """Behind the server's address."""

    model: str | None = None
    """The base model's name on the server; None: its only one."""
    loss: Literal["sum", "mean"] | None = None
    """What the server makes of a draw's tokens, and of the draws; None: what it says of itself."""
    targets: Literal["all", "attention"] = "all"
    """Which modules get an adapter, the output layer never."""


@dataclass(frozen=True)
class Address:
    """What stands behind `tinker:`. url: None for the hosted service."""

    url: str | None
    options: TinkerOptions = field(default_factory=TinkerOptions)

    @property
    def place(self) -> str:
        """In messages."""
        return self.url or "the hosted service"


def tinker_address(trainer: str) -> Address | None:
    """Of `tinker:[URL][#model=NAME,loss=sum|mean]`; None for another trainer.

    Raises RequestError if it cannot be read.
    """
    name, colon, text = trainer.partition(":")
    if name != "tinker":
        return None
    usage = (
        f"trainer {trainer!r}: write tinker:http://HOST:PORT for a server of your own, or "
        "tinker: for the hosted service"
    )
    if not colon:
        raise RequestError(usage)
    url, options = parse_options("tinker", text, TinkerOptions, what="trainer")
    if not url:
        return Address(None, options)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise RequestError(usage) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RequestError(usage)
    return Address(url.rstrip("/"), options)


@dataclass(frozen=True)
class TinkerSettings:
    """Server, base model and adapter.

    base: the sampler's copy of the weights that the server trains on.
    """

    base: Path
    address: Address
    rank: int = 8
    seed: int = 0
    """Of the adapter's first weights."""
    in_float32: bool = False
    """Whether the server holds the frozen weights in float32; it does not tell."""
    key: str = field(default=_NO_KEY, repr=False)
    answer_seconds: float = 3600.0
    """How long one answer may take. The client itself would wait for ever."""

    threads = 1
    on_cpu = True
    """It holds no GPU of this machine."""

    @classmethod
    def of(
        cls, base: Path, address: Address, *, rank: int, seed: int, in_float32: bool
    ) -> TinkerSettings:
        """With the key of the environment."""
        key = os.environ.get(KEY) or _NO_KEY
        return cls(base, address, rank=rank, seed=seed, in_float32=in_float32, key=key)

    def trainer(self) -> Trainer:
        """Connects. Raises RequestError as `check_server` does."""
        from tasks.adapt.trainers.tinker.trainer import TinkerTrainer

        return TinkerTrainer(self)

    def trainer_id(self, base: str, model: str) -> str:
        """`tinker-` and 12 hex digits. Not by the server's address: it may move, with what it has
        saved.

        base: hash of the base model's files. model: its name on the server.
        """
        content = {
            "base": base,
            "model": model,
            "rank": self.rank,
            "alpha": ALPHA,
            "targets": self.address.options.targets,
            "seed": self.seed,
            "client": CLIENT,
        }
        encoded = json.dumps(content, sort_keys=True).encode()
        return f"tinker-{hashlib.sha256(encoded).hexdigest()[:12]}"


def check_client(address: Address) -> None:
    """Raises RequestError without the client, with another version of it, or without a key where
    one is needed."""
    install = "pip install 'bon-sweep[tinker]'"
    try:
        found = version("tinker")
    except PackageNotFoundError:
        raise RequestError(f"trainer tinker needs its client: {install}") from None
    if found != CLIENT:
        raise RequestError(
            f"trainer tinker goes with client {CLIENT} (and {SERVER} as a server), and {found} is "
            f"installed; {install}"
        )
    key = os.environ.get(KEY)
    if address.url is None and not key:
        raise RequestError(
            f"trainer tinker: the hosted service wants a key in {KEY}; for a server of your own "
            "write tinker:http://HOST:PORT"
        )
    if key and not key.startswith(("tml-", "eyJ")):
        raise RequestError(f"{KEY} is no key of Tinker's: they begin with tml-; set it anew")


def check_server(address: Address) -> None:
    """Raises RequestError unless somebody answers. The client itself would try for minutes."""
    import httpx

    if address.url is None:
        return
    try:
        httpx.get(f"{address.url}/api/v1/healthz", timeout=_REACH_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RequestError(
            f"trainer tinker: no server answers at {address.url} ({reason}); start it, or name "
            "another"
        ) from error


def check_spec(spec: StepSpec) -> None:
    """Raises RequestError for what the protocol has no words for."""
    if spec.temperature != 1:
        raise RequestError(
            f"trainer tinker: its loss is that of temperature 1, and draws at {spec.temperature:g} "
            "are another policy's; set --temperature 1, or take trainer local"
        )
    if spec.step_size.kind != "lr":
        raise RequestError(
            f"trainer tinker: step size {spec.step_size} needs a step to be tried at several "
            "lengths, which its server does not do; set lr:X, or take trainer local"
        )
