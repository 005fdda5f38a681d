"""What a command waits for before its first draw: a line for each as it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_say: Callable[[str], object] | None = None


@contextmanager
def steps_told(say: Callable[[str], object]) -> Iterator[None]:
    """Within the block `say` is given each line. Without it (a deployment, `--json`) none is."""
    global _say
    before, _say = _say, say
    try:
        yield
    finally:
        _say = before


def begins(step: str) -> None:
    """Say that the command now waits for `step`."""
    if _say is not None:
        _say(f"{step} …")
