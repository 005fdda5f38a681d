"""From what a model wrote to code: fenced in Markdown, after a chain of thought, or bare."""

from __future__ import annotations

import re
from itertools import chain

_THOUGHT_END = "</think>"
_FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)[^\n`]*$")
_PYTHON = {"", "python", "py", "python3"}


def extract_code(completion: str) -> str:
    """The code of a completion; the completion itself where it marks none.

    What precedes the end of a chain of thought is dropped. Of several fenced blocks the last that
    defines `ModelNew` counts, else the longest Python one, else the longest. A fence left open,
    as by a completion cut short, runs to the end.
    """
    text = completion.rpartition(_THOUGHT_END)[2]
    blocks = _fenced_blocks(text)
    if not blocks:
        return text.lstrip("\r\n") if _THOUGHT_END in completion else text
    defining = [code for _, code in blocks if re.search(r"^\s*class\s+ModelNew\b", code, re.M)]
    if defining:
        return defining[-1]
    python = [code for language, code in blocks if language in _PYTHON]
    return max(python or [code for _, code in blocks], key=len)


def _fenced_blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of every fenced block, in order. CommonMark: a fence is closed by one of the
    same character that is at least as long and names no language."""
    blocks: list[tuple[str, str]] = []
    lines: list[str] = []
    opened: re.Match[str] | None = None
    for line in chain(text.split("\n"), [None]):
        if opened is None:
            opened = _FENCE.match(line) if line is not None else None
            continue
        closes = line is None or _closes(opened, line)
        if closes:
            code = "\n".join(lines).rstrip() + "\n"
            blocks.append((opened["language"].lower(), code))
            opened, lines = None, []
        else:
            assert line is not None
            lines.append(line)
    return blocks


def _closes(opened: re.Match[str], line: str) -> bool:
    mark = line.strip()
    fence = opened["fence"]
    return len(mark) >= len(fence) and set(mark) == {fence[0]}
