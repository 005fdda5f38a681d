"""Texts that do not compile: what slips under tired fingers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Breaker = Callable[[str, random.Random], str]


def break_syntax(text: str, rng: random.Random) -> str:
    """`text` with one lost semicolon, brace or parenthesis, or one misspelt name."""
    breakers = [_lose(r";(?=\n)"), _lose(r"\)(?=[;:\n])"), _lose(r"\}(?=\n)"), _misspell]
    rng.shuffle(breakers)
    for breaker in breakers:
        broken = breaker(text, rng)
        if broken != text:
            return broken
    return text + "\n)"


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
