"""Static screening: findings that inform a reader. Only the runtime judge convicts."""

from __future__ import annotations

import ast

from kernels_eval.screening.rules import RULES
from kernels_eval.types import Finding

__all__ = ["screen"]


def screen(source: str) -> tuple[Finding, ...]:
    """What the rules see in a candidate's syntax tree; nothing for a source that does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(finding for rule in RULES for finding in rule(tree))
