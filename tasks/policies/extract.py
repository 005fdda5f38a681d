"""From what a model wrote to code: fenced in Markdown, after a chain of thought, or bare."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from tasks.policies.reasoning import answer_span

_FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)[^\n`]*$")
_PYTHON = {"", "python", "py", "python3"}


@dataclass(frozen=True)
class Code:
    """The code of a completion, and the characters [start, end) of the completion that write it."""

    text: str
    start: int
    end: int
    language: str = ""


def extract_code(completion: str, *, thinking: bool = False) -> str:
    """The text of `find_code`."""
    return find_code(completion, thinking=thinking).text


def find_code(completion: str, *, thinking: bool = False) -> Code:
    """The code of a completion's answer; the whole answer where it marks none.

    A chain of thought is no answer, and one that never ended leaves none (see `reasoning`). Of
    several fenced blocks the last that defines `ModelNew` counts, else the longest Python one, else
    the longest. A fence left open, as by a completion cut short, runs to the end.

    thinking: the completion starts inside a thought that the prompt opened.
    """
    start, end = answer_span(completion, thinking=thinking)
    blocks = _fenced_blocks(completion[:end], start)
    if not blocks:
        return Code(completion[start:end], start, end)
    defining = [b for b in blocks if re.search(r"^\s*class\s+ModelNew\b", b.text, re.M)]
    if defining:
        return defining[-1]
    python = [block for block in blocks if block.language in _PYTHON]
    return max(python or blocks, key=lambda block: len(block.text))


def token_span(
    start: int, end: int, n_tokens: int, decoded_length: Callable[[int], int]
) -> tuple[int, int] | None:
    """Tokens [first, last) that hold the characters [start, end); None if there are no characters.

    decoded_length: how many characters the first i tokens decode to; it must not fall as i grows
    (a character split between tokens may misplace a border by a token). Asked O(log n) times.
    """
    if end <= start:
        return None
    places = range(n_tokens + 1)
    first = bisect_left(places, start + 1, key=decoded_length) - 1
    last = bisect_left(places, end, key=decoded_length)
    return max(first, 0), min(last, n_tokens)


def _fenced_blocks(text: str, start: int) -> list[Code]:
    """Every fenced block from `start` on, in order. CommonMark: a fence is closed by one of the
    same character that is at least as long and names no language."""
    blocks: list[Code] = []
    opened: re.Match[str] | None = None
    inside = position = start
    for line in text[start:].split("\n"):
        if opened is None:
            opened = _FENCE.match(line)
            inside = position + len(line) + 1
        elif _closes(opened, line):
            blocks.append(_block(text, inside, position, opened))
            opened = None
        position += len(line) + 1
    if opened is not None:
        blocks.append(_block(text, inside, len(text), opened))
    return blocks


def _block(text: str, start: int, end: int, opened: re.Match[str]) -> Code:
    code = text[start:end].rstrip()
    stop = min(start + len(code) + 1, max(start, end)) if code else start
    span = min(start, len(text)), min(stop, len(text))
    return Code(code + "\n", *span, language=opened["language"].lower())


def _closes(opened: re.Match[str], line: str) -> bool:
    mark = line.strip()
    fence = opened["fence"]
    return len(mark) >= len(fence) and set(mark) == {fence[0]}
