"""From what a model wrote to code: fenced in Markdown, after a chain of thought, or bare."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from tasks.policies.parse import parses
from tasks.policies.reasoning import answer_span, before_end_tokens

_PYTHON = {"", "python", "py", "python3"}
_LANGUAGES = {
    *("python", "python3", "py", "py3", "pycon", "triton", "cuda", "cu", "cpp", "c++", "c"),
    *("bash", "sh", "shell", "console", "text", "txt", "plaintext", "output", "diff"),
    *("json", "toml", "yaml", "markdown", "md"),
}
_MARKDOWN = {"markdown", "md"}
_NAME = re.compile(r"[\w+#.-]*[\w+#]")
_ATTRIBUTE = re.compile(r"\{|[\w-]+=")
_DEFINES = re.compile(r"^[ \t]*class[ \t]+ModelNew\b", re.MULTILINE)
_LANGUAGE = re.compile(r"[\w+.-]*")
_QUOTE = re.compile(r"[ \t]{0,3}(?:>[ \t]?)+")
_NESTED = 4
"""Of blocks of Markdown in each other."""
_AFTER_TEXT = re.compile(r"```(?:python3?|py)[ \t\r]*\Z")
_TRIES = 8
"""Of a block's possible ends: code that holds fences is rarely long, and parsing takes time."""


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
    the longest. A fence left open, as by a completion cut short, runs to the end. A fence inside a
    string of the code is part of it. Of an indented or quoted block, as in a list, the fence's own
    indentation or `> ` is taken off. A block of Markdown is looked through for blocks of its own.

    thinking: the completion starts inside a thought that the prompt opened.
    """
    completion = completion[: before_end_tokens(completion)]
    start, end = answer_span(completion, thinking=thinking, in_code=_code_of(completion))
    blocks = _fenced_blocks(completion, start, end)
    if not blocks or parses(completion[start:end]):  # fences in a string of bare code
        return Code(completion[start:end], start, end)
    defining = [block for block in blocks if _DEFINES.search(block.text)]
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


def _code_of(completion: str) -> Callable[[int], bool]:
    """Whether a position lies in a fenced block that parses, or in a completion that does."""

    @cache
    def spans() -> Sequence[tuple[int, int]]:
        blocks = _fenced_blocks(completion, 0, len(completion))
        if parses(completion):
            return [(0, len(completion))]
        return [
            (one.start, one.end) for one in blocks if one.language in _PYTHON and parses(one.text)
        ]

    def inside(position: int) -> bool:
        at = bisect_right(spans(), position, key=lambda span: span[0]) - 1
        return at >= 0 and position < spans()[at][1]

    return inside


@dataclass(frozen=True)
class _Fence:
    """A line that opens a block: its indentation, mark and language, and where the line ends.

    The indentation holds the `> ` of quoted lines.
    """

    indent: str
    mark: str
    language: str
    end: int


def _fenced_blocks(text: str, start: int, end: int, depth: int = 0) -> list[Code]:
    """Every fenced block within [start, end), in order. CommonMark: a fence is closed by one of the
    same character that is at least as long and names no language. Models write end tokens, tags and
    prose behind it."""
    lines = _lines(text, start, end)
    blocks: list[Code] = []
    at = 0
    while at < len(lines):
        first, last = lines[at]
        fence = _opening(text[first:last], last)
        at += 1
        if fence is None:
            continue
        close = _closing(text, lines, at, fence)
        stop = lines[close][0] if close < len(lines) else end
        block = _block(text, min(fence.end + 1, end), stop, fence)
        blocks.extend(_inner_blocks(text, block, fence, depth) or [block])
        at = close + _closes(fence, text[slice(*lines[close])]) if close < len(lines) else close
    return blocks


def _inner_blocks(text: str, block: Code, fence: _Fence, depth: int) -> list[Code]:
    """Those of a block of Markdown, called so or not."""
    if block.language not in {"", *_MARKDOWN} or ">" in fence.indent or depth == _NESTED:
        return []
    inner = _fenced_blocks(text, block.start, block.end, depth + 1)
    return [] if inner and not block.language and parses(block.text) else inner


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    while True:
        stop = text.find("\n", start, end)
        if stop < 0:
            return [*spans, (start, end)]
        spans.append((start, stop))
        start = stop + 1


def _opening(line: str, end: int) -> _Fence | None:
    quote = _QUOTE.match(line)
    stripped = line[quote.end() if quote else 0 :].lstrip(" \t")
    indent = line[: len(line) - len(stripped)]
    width = len(stripped) - len(stripped.lstrip(stripped[:1]))
    mark = stripped[:width]
    if width >= 3 and mark[0] in "`~":
        rest = stripped[width:].lstrip(" \t")
        if "`" not in rest:
            found = _LANGUAGE.match(rest)
            return _Fence(indent, mark, found[0].lower() if found else "", end)
    if line.endswith(("python", "py", "python3", " ", "\t", "\r")) and _AFTER_TEXT.search(line):
        return _Fence("", "```", "python", end)
    return None


def _closing(text: str, lines: Sequence[tuple[int, int]], at: int, fence: _Fence) -> int:
    """The line that closes the block whose content begins with line `at`; len(lines) if none does.

    The first one, unless the code up to a later one (or to the end) parses and up to this one does
    not: then the fences between stand in a string.
    """
    ends = (i for i in range(at, len(lines)) if _ends(fence, text[slice(*lines[i])]))
    first = next(ends, len(lines))
    if first == len(lines) or fence.language not in _PYTHON:
        return first
    begun = text[fence.end + 1 : lines[first][0]]
    if not ('"""' in begun or "'''" in begun) or parses(_outdented(begun, fence.indent)):
        return first
    for close in [*islice(ends, _TRIES), len(lines)]:
        stop = lines[close][0] if close < len(lines) else lines[-1][1]
        if parses(_outdented(text[fence.end + 1 : stop], fence.indent)):
            return close
    return first


def _ends(fence: _Fence, line: str) -> bool:
    """Whether a block ends before this line: at its closing fence, or at the end of the quote."""
    return _closes(fence, line) or (">" in fence.indent and not line.lstrip(" \t").startswith(">"))


def _closes(fence: _Fence, line: str) -> bool:
    stripped = _outdented(line, fence.indent).strip()
    behind = stripped.lstrip(fence.mark[0])
    if len(stripped) - len(behind) < len(fence.mark):
        return False
    if not behind:
        return True
    words = behind.lower().split()
    if words[0] in _LANGUAGES or any(map(_ATTRIBUTE.match, words[:2])):
        return False
    # A single word may be a language, unless it stands apart.
    return behind[0].isspace() or len(words) > 1 or not _NAME.fullmatch(words[0])


def _outdented(code: str, indent: str) -> str:
    if not indent:
        return code
    short = indent.rstrip() if ">" in indent else indent  # of a quote's empty lines
    return "\n".join(
        line[len(indent) :]
        if line.startswith(indent)
        else line[len(short) :]
        if line.startswith(short)
        else line.lstrip(" \t")
        for line in code.split("\n")
    )


def _block(text: str, start: int, end: int, fence: _Fence) -> Code:
    code = text[start:end].rstrip()
    stop = min(start + len(code) + 1, max(start, end)) if code else start
    return Code(_outdented(code, fence.indent) + "\n", start, stop, fence.language)
