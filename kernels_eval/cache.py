"""Where this package keeps on disk what takes long to find out."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory(name: str) -> Path:
    """`$XDG_CACHE_HOME`, else `~/.cache`, then `kernels_eval/NAME`; it need not exist."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "kernels_eval" / name
