"""Does a text parse as Python? Whatever a model wrote, the answer is yes or no."""

from __future__ import annotations

import ast
import warnings

_FILE = "<candidate>"

# Of a candidate's escapes: it is not run here.
warnings.filterwarnings("ignore", category=SyntaxWarning, module=_FILE)


def parsed(text: str) -> ast.Module | None:
    """Its syntax tree; None if it has none."""
    try:
        return ast.parse(text, _FILE)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parses(text: str) -> bool:
    """Whether it does, at any indentation. An empty text says nothing, and does not."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first:
        return False
    return parsed("if True:\n" + text if first[0] in " \t" else text) is not None
