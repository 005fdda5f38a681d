"""No character of foreign text steers a terminal."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from kernels_eval.printable import printable, printable_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\a"),
        ("right\rwrong", r"right\rwrong"),
        ("ab\b\bcd", r"ab\b\bcd"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("\x00\x7f\u2028", r"\x00\x7f\u2028"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_plain_text_stays() -> None:
    text = "a\tb\nΔt ≤ 3 µs, “quoted”, 値, \U0001f600, e\u0301"
    assert printable(text) == text
    assert printable_line("a\tb\nc") == r"a\tb\nc"


def test_every_control_and_format_character_is_escaped() -> None:
    steering = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    let_through = {
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in steering and printable(chr(code)) == chr(code)
    }
    visible = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2}
    visible |= {0x110BD, 0x110CD, *range(0x13430, 0x13456), *range(0x1BCA0, 0x1BCA4)}
    visible |= set(range(0x1D173, 0x1D17B))  # signs of scripts and of musical notation
    assert let_through - visible == {0x09, 0x0A}
    assert printable("".join(map(chr, range(sys.maxunicode + 1)))).encode()
