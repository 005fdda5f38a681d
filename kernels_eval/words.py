"""What others raise, on one line."""

from __future__ import annotations

import re
import traceback

_LONGEST = 300
_PLACE = re.compile(r"problem_[0-9a-f]{12}\.py")
"""As which a problem file is imported."""


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
