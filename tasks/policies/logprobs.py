"""What can be a log-probability, and what servers and files write in its place."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST = -1000.0
"""Nats. No model writes a token that it finds less likely: -9999 or -1e30 mean "not known"."""

ROUNDING = 1e-4
"""Nats. So far above 0 the rounding of a softmax may leave a certain token."""


def wrong_logprob(value: float) -> str | None:
    """Why this is none, as the end of a sentence that begins with it; None if it is one."""
    if not math.isfinite(value):
        return "is no finite number"
    if value > ROUNDING:
        return "is positive, and a log-probability is at most 0"
    if value < LEAST:
        return "stands for an unknown one"
    return None


def usable(values: Sequence[float]) -> tuple[float, ...]:
    """The values, rounding above 0 taken off; none of them if one is no log-probability.

    A sum over a completion with one unknown token would be no log-probability either.
    """
    if any(wrong_logprob(value) for value in values):
        return ()
    return tuple(min(value, 0.0) for value in values)
