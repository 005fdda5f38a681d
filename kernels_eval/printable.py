"""Text of foreign origin as a terminal may see it: nothing in it moves the cursor or hides text."""

from __future__ import annotations

import re

_SHORT = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\r": r"\r", "\v": r"\v"}
_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f"  # C0 without tab and line feed; escape sequences begin with \x1b
    "\x80-\x9f"  # C1: \x9b begins a sequence as well
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # drawn as nothing
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"  # direction, joining, separators
    "\ud800-\udfff"  # halves of a pair, which cannot be encoded
    "\U000e0000-\U000e0fff"  # tags
    "]"
)


def printable(text: str) -> str:
    r"""The text with what a terminal obeys, or draws as nothing, written as in a Python string.

    ESC becomes `\x1b`, a change of direction `\u202e`; tabs and line feeds stay. For text meant for
    people; JSON has an escaping of its own.
    """
    return _UNSEEN.sub(_escaped, text)


def printable_line(text: str) -> str:
    r"""The same on one line: tabs and line feeds are written as `\t` and `\n`, too."""
    return printable(text).replace("\t", r"\t").replace("\n", r"\n")


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
