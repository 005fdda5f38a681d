"""Compiled objects and baselines outlive the container, on the disk of the caller.

The container's end of the shelf asks for them; the caller's end answers. Each problem has a shelf
of its own, since a problem file could put anything there: no other problem is ever given it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from kernels_eval.cache import DiskShelf, cache_directory
from kernels_eval.host import wire

KEY = "shelf"
"""Of a message that asks for the shelf."""
_NAME = re.compile(r"[0-9a-f]{32,64}")
_FILE = re.compile(r"[0-9a-z][0-9a-z.]{0,79}")
_MOST_FILES, _MOST_BYTES = 16, 64 << 20


class FarShelf:
    """In the container. A `Shelf`."""

    def __init__(self) -> None:
        self._channel: wire.Channel | None = None
        self._known: dict[str, dict[str, bytes]] = {}

    def connect(self, channel: wire.Channel) -> None:
        """Ask over this channel, whose other end is waiting for an answer at that time."""
        self._channel = channel

    def has(self, name: str) -> bool:
        return bool(self.get(name))

    def get(self, name: str) -> dict[str, bytes]:
        if name not in self._known:
            files = self._ask({KEY: "get", "name": name})["files"]
            self._known = {name: _unpacked(files)}  # it is asked for twice in a row
        return self._known[name]

    def put(self, name: str, files: dict[str, bytes]) -> None:
        self._known = {}
        self._ask({KEY: "put", "name": name, "files": _packed(files)})

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._channel is None:
            return {"files": {}}
        self._channel.send(request)
        return self._channel.receive()


class NearShelf:
    """Where the caller is."""

    def __init__(self, problem_source: str) -> None:
        """Of one problem."""
        digest = hashlib.sha256(problem_source.encode()).hexdigest()
        self._prefix = digest[:32]
        self._disk = DiskShelf(cache_directory("contained"))

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ChannelGarbageError for what the other end of a shelf would not ask."""
        name = request.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise wire.ChannelGarbageError(f"no name on a shelf: {name!r}")
        place = f"{self._prefix}-{name}"
        if request[KEY] == "get":
            return {"files": _packed(self._disk.get(place))}
        try:
            files = _unpacked(request.get("files"))
        except (AttributeError, TypeError, ValueError) as error:
            raise wire.ChannelGarbageError(f"no files: {error}") from None
        if all(map(_FILE.fullmatch, files)) and _small(files):
            self._disk.put(place, files)
        return {"files": {}}


def _small(files: dict[str, bytes]) -> bool:
    return len(files) <= _MOST_FILES and sum(map(len, files.values())) <= _MOST_BYTES


def _packed(files: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in files.items()}


def _unpacked(files: Any) -> dict[str, bytes]:
    return {str(name): base64.b64decode(content) for name, content in files.items()}
