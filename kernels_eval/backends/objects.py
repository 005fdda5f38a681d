"""What extensions compiled to, kept for the next worker of the very same source.

nvcc takes seconds to tens of seconds, and a winner is measured twice. Object files come out of a
worker that nobody believes, so they go back to workers of the same source alone, which could have
compiled them to anything anyway. The compilers' scripts (extensions.py) leave them in the worker's
directory and look for them there, by the hash of the command and of the file that it compiles.
There is no lock that a dead process could hold: files appear by renaming.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
from pathlib import Path

import torch

from kernels_eval.backends.extensions import HEADERS, compilers
from kernels_eval.cache import DiskShelf, Shelf, cache_directory

DIRECTORY = "objects"
"""Below a worker's home."""
_MOST_FILES = 16
_MOST_BYTES = 64 << 20
"""Of one source."""
_NAME = re.compile(r"[0-9a-f]{64}")
_SIGN = "cpp_extension"


def harvest(home: Path) -> dict[str, bytes]:
    """Name → content of the object files below a worker's home; {} if anything is odd there.

    The directory is the worker's to fill: links and devices are not followed, nor large files read.
    """
    found: dict[str, bytes] = {}
    try:
        folder = os.open(home / DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return found
    try:
        for name in sorted(os.listdir(folder))[:_MOST_FILES]:  # noqa: PTH208 - of a descriptor
            if _NAME.fullmatch(name):
                found[name] = _content(folder, name, _MOST_BYTES - sum(map(len, found.values())))
    except (OSError, ValueError):
        return {}
    finally:
        os.close(folder)
    return found


def _content(folder: int, name: str, most: int) -> bytes:
    """Raises OSError or ValueError for what is no plain file of at most that size."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise ValueError(name)
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(name)
    return content


def lay_out(home: Path, objects: dict[str, bytes]) -> None:
    """Put object files where the compilers' scripts look for them."""
    if objects:
        (home / DIRECTORY).mkdir()
    for name, content in objects.items():
        (home / DIRECTORY / name).write_bytes(content)


class ObjectCache:
    """Object files that are kept, by source, compilers and torch."""

    def __init__(self, root: Path | None = None, *, shelf: Shelf | None = None) -> None:
        """`shelf`: where they are kept; None takes this machine's disk, at `root`."""
        self._shelf = shelf or DiskShelf(root or cache_directory(DIRECTORY))
        self._tools: bytes | None = None

    def wants(self, source: str) -> bool:
        """Whether the source may build extensions, and nothing is kept of it."""
        return _SIGN in source and not self._shelf.has(self._name(source))

    def of(self, source: str) -> dict[str, bytes]:
        """What is kept of a source."""
        return self._shelf.get(self._name(source)) if _SIGN in source else {}

    def keep(self, source: str, objects: dict[str, bytes]) -> None:
        """Keep them, whole or not at all; a full or read-only disk costs nothing else."""
        if objects:
            self._shelf.put(self._name(source), objects)

    def _name(self, source: str) -> str:
        if self._tools is None:
            self._tools = _tools()
        return hashlib.sha256(self._tools + source.encode()).hexdigest()


def _tools() -> bytes:
    """What else object files depend on: torch, the compilers and the lean headers."""
    digest = hashlib.sha256(torch.__version__.encode())
    for compiler in compilers().values():
        done = subprocess.run([compiler, "--version"], capture_output=True, check=False)
        digest.update(compiler.encode() + done.stdout)
    for header in sorted(HEADERS.rglob("*.h")):
        digest.update(header.read_bytes())
    return digest.digest()
