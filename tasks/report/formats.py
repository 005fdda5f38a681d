"""Numbers as people read them. What is missing is a dash, never a zero."""

from __future__ import annotations

import math
from typing import Literal

DASH = "–"
TIED = "\u00a0"
"""A space at which no line breaks: between a number and its unit."""

Form = Literal["percent", "times"]


def percent(value: float | None) -> str:
    """0.62 → `62 %`; shares below 1 % keep a digit, as do those above 99 %."""
    if value is None or not math.isfinite(value):
        return DASH
    if 0.99 < value < 1 - 1e-9:
        return f"{min(value * 100, 99.9):.1f}{TIED}%"
    return f"{value * 100:.1f}{TIED}%" if 0 < abs(value) < 0.01 else f"{value * 100:.0f}{TIED}%"


def points(value: float | None) -> str:
    """A difference of shares: 0.07 → `+7 points`."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value * 100:+.0f} points".replace("-", "−")


def times(value: float | None) -> str:
    """A speedup: `1.24×`, `12.4×`, `124×`."""
    if value is None or not math.isfinite(value):
        return DASH
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}×"


def milliseconds(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.3g}{TIED}ms" if value < 1000 else f"{value:,.0f}{TIED}ms"


def seconds(value: float | None) -> str:
    """Wall time: `0.42 s`, `38 s`, `12 min`, `3.1 h`."""
    if value is None or not math.isfinite(value):
        return DASH
    if value < 120:
        return f"{value:.2g}{TIED}s" if value < 10 else f"{value:.0f}{TIED}s"
    return f"{value / 60:.0f}{TIED}min" if value < 7200 else f"{value / 3600:.1f}{TIED}h"


def count(value: int | None) -> str:
    """With thin spaces between thousands."""
    return DASH if value is None else f"{value:,}".replace(",", "\u2009")


def number(value: float | None, digits: int = 2) -> str:
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.{digits}f}".replace("-", "−")


def span(low: float | None, high: float | None, form: Form = "percent") -> str:
    """An interval: `50–92 %`, `1.10–1.41×`; empty when there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if low == high:
        return ""  # resampling equal values has no width and says nothing
    if form == "percent":
        return f"{low * 100:.0f}–{high * 100:.0f}{TIED}%"
    if times(low) == times(high):
        return ""  # no width that could be seen
    return f"{times(low)[:-1]}–{times(high)}"


def plural(n: int, word: str) -> str:
    """`1 problem`, `12 problems`."""
    return f"{count(n)} {word}" + ("" if n == 1 else "s")


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
