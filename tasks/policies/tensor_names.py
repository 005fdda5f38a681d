"""Names of an adapter's tensors, as messages tell them."""

from __future__ import annotations

from collections.abc import Sequence

_NAMED = 3


def some_of(names: Sequence[str]) -> str:
    """The first few names and the number of the others."""
    short = [name.removeprefix("base_model.model.") for name in names]
    more = len(short) - _NAMED
    return ", ".join(short[:_NAMED]) + (f" and {more} more" if more > 0 else "")
