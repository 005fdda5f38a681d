"""What others raise, on one line."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable

CURES = {
    "parameters-drawn": (
        "the constructor leaves {} at one value: drawn around it for both sides, so a kernel must "
        "read them"
    ),
    "inputs-drawn": "what get_inputs() draws hides {}: other sets have {}",
    "inputs-spread": "answers hardly depend on what get_inputs() draws: floating inputs are scaled",
    "cannot-tell": "this problem cannot tell a right kernel from one without {}",
    "few-inputs": (
        "this problem cannot tell a kernel that computes from one that remembers: get_inputs() "
        "draws the same values again and again"
    ),
}
"""Findings about a problem, by rule: what its own inputs and parameters hide, and what was done."""

_LONGEST = 300
_PLACE = re.compile(r"problem_[0-9a-f]{12}\.py")
"""As which a problem file is imported."""


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few of them."""
    known = list(names)
    return ", ".join(known[:most]) + (f" and {len(known) - most} more" * (len(known) > most))


def one_line(error: BaseException) -> str:
    """Kind and text; where in the source, if Python could not read it."""
    if isinstance(error, SyntaxError):
        text = f"{error.msg} (line {error.lineno} of the file)"
    else:
        try:
            text = str(error)
        except BaseException:
            text = traceback.format_exception_only(error)[-1].partition(": ")[2]
    text = " ".join(_PLACE.sub("the file", text).split())
    return f"{type(error).__name__}: {text}"[:_LONGEST]
