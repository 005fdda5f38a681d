"""Static screening: findings that inform a reader. Only the runtime judge convicts."""

from __future__ import annotations

from kernels_eval.screening.parsing import parsed
from kernels_eval.screening.rules import RULES
from kernels_eval.types import Finding

__all__ = ["screen"]


def screen(source: str) -> tuple[Finding, ...]:
    """What the rules see in a candidate's syntax tree; nothing for a source that does not parse."""
    tree = parsed(source)
    if tree is None:
        return ()
    return tuple(finding for rule in RULES for finding in rule(tree))
