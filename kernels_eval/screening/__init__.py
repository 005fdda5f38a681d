"""Static screening: findings that inform a reader. Only the runtime judge convicts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from kernels_eval.screening.parsing import parsed
from kernels_eval.screening.rules import RULES
from kernels_eval.types import Finding

__all__ = ["screen"]

_MOST, _LONGEST = 16, 300
"""Findings of one rule, and characters of one: a source can be made to have as many as lines."""


def screen(source: str) -> tuple[Finding, ...]:
    """What the rules see in a candidate's syntax tree; nothing for a source that does not parse."""
    tree = parsed(source)
    if tree is None:
        return ()
    found = [_cut(finding) for rule in RULES for finding in itertools.islice(rule(tree), _MOST + 1)]
    kept = [one for rule in {one.rule: None for one in found} for one in _first(found, rule)]
    return tuple(kept)


def _first(found: list[Finding], rule: str) -> Iterator[Finding]:
    """Of one rule so many, and a word on the others."""
    mine = [one for one in found if one.rule == rule]
    yield from mine[:_MOST]
    if len(mine) > _MOST:
        yield replace(mine[0], message=f"and more of the kind; {_MOST} are listed")


def _cut(finding: Finding) -> Finding:
    text = finding.message
    return finding if len(text) <= _LONGEST else replace(finding, message=text[:_LONGEST] + " …")
