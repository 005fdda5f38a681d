"""Numbers in the names of rewards, objectives and step sizes."""

from __future__ import annotations

import math

from tasks.errors import RequestError


def number(text: str, usage: str, *, zero: bool = False) -> float:
    """A finite number above 0 (or 0, where that means something).

    Raises RequestError with `usage`, which says what to write instead.
    """
    try:
        value = float(text)
    except ValueError:
        raise RequestError(usage) from None
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise RequestError(usage)
    return value
