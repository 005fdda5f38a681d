"""A fork in a problem file gives two processes that run the judge; the copy must not.

`multiprocessing` ends its children itself. A bare `os.fork()` comes back, and the copy would ask
for workers, answer requests and remove directories beside its original.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

# Bound before any problem is loaded: some replace what `os` holds.
_own_id, _end = os.getpid, os._exit


@contextlib.contextmanager
def ending_copies() -> Iterator[None]:
    """Around code of a problem: a copy of this process ends where it would leave the block."""
    original = _own_id()
    try:
        yield
    finally:
        end_copy(original)


def end_copy(original: int) -> None:
    """End this process if it is not the one of that id."""
    if _own_id() != original:
        _end(0)
