"""Where this package keeps on disk what takes long to find out."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Protocol

_ALL_BYTES = 1 << 30
"""Of one shelf; what was not used for longest leaves."""


def cache_directory(name: str) -> Path:
    """`$XDG_CACHE_HOME`, else `~/.cache`, then `kernels_eval/NAME`; it need not exist."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "kernels_eval" / name


class Shelf(Protocol):
    """Small sets of files under names. What cannot be kept is not, and costs nothing else."""

    def has(self, name: str) -> bool: ...

    def get(self, name: str) -> dict[str, bytes]:
        """Name of file → content; {} for what is not there."""
        ...

    def put(self, name: str, files: dict[str, bytes]) -> None:
        """Whole or not at all; what is there already stays."""
        ...


class DiskShelf:
    """A directory for each name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has(self, name: str) -> bool:
        return (self._root / name).is_dir()

    def get(self, name: str) -> dict[str, bytes]:
        place = self._root / name
        try:
            found = {file.name: file.read_bytes() for file in place.iterdir()}
            os.utime(place)
        except OSError:
            return {}
        return found

    def put(self, name: str, files: dict[str, bytes]) -> None:
        place = self._root / name
        fresh = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
        try:
            fresh.mkdir(parents=True, mode=0o700)
            for file, content in files.items():
                (fresh / file).write_bytes(content)
            fresh.rename(place)
            self._prune()
        except OSError:  # somebody else was faster, or there is no room
            shutil.rmtree(fresh, ignore_errors=True)

    def _prune(self) -> None:
        places = sorted(self._root.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
        total = 0
        for place in places:
            total += sum(file.stat().st_size for file in place.iterdir())
            if total > _ALL_BYTES:
                shutil.rmtree(place, ignore_errors=True)
