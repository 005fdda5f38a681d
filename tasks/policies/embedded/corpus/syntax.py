"""Texts that do not compile: what slips under tired fingers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_TRIES = 8

Breaker = Callable[[str, random.Random], str]


def break_syntax(text: str, rng: random.Random, *, comment: str = "") -> str:
    """`text` with one lost semicolon, brace or parenthesis, or one misspelt name.

    comment: the mark behind which nothing is broken, as that would change nothing; empty: anywhere.
    """
    breakers = [_lose(r";(?=\n)"), _lose(r"\)(?=[;:\n])"), _lose(r"\}(?=\n)"), _misspell]
    rng.shuffle(breakers)
    for breaker in breakers:
        for _ in range(_TRIES if comment else 1):
            broken = breaker(text, rng)
            if broken != text and not (comment and _same_code(broken, text, comment)):
                return broken
    return text + "\n)"


def _same_code(one: str, other: str, comment: str) -> bool:
    def code(text: str) -> list[str]:
        return [line.partition(comment)[0] for line in text.split("\n")]

    return code(one) == code(other)


def _lose(pattern: str) -> Breaker:
    def lose(text: str, rng: random.Random) -> str:
        places = list(re.finditer(pattern, text))
        if not places:
            return text
        place = rng.choice(places)
        return text[: place.start()] + text[place.end() :]

    return lose


def _misspell(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"\b(float|long|torch|return|const)\b", text))
    if not places:
        return text
    place = rng.choice(places)
    word = place.group()
    cut = rng.randrange(1, len(word) - 1)
    return text[: place.start()] + word[:cut] + word[cut + 1 :] + text[place.end() :]
