"""A candidate's source as a syntax tree."""

from __future__ import annotations

import ast

_BYTE_ORDER_MARK = "\ufeff"


def parsed(source: str) -> ast.Module | None:
    """None for a source that does not parse. A byte order mark before it is none of the source."""
    try:
        return ast.parse(source.removeprefix(_BYTE_ORDER_MARK))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
