"""A broken text is broken: Python, the C++ compiler, or the first look at a name refuses it."""

from __future__ import annotations

import random
import re
import subprocess
from itertools import islice

from tasks.policies.embedded.corpus import generate
from tasks.policies.embedded.corpus.syntax import break_syntax

WRITTEN_IN_CPP = re.compile(r"= r('''|\"\"\")\n(.*?)\1", re.DOTALL)
KNOWN = {"torch", "return"}


def refused(text: str) -> bool:
    try:
        compile(text, "candidate", "exec")
    except SyntaxError:
        return True
    found = WRITTEN_IN_CPP.search(text)
    if found and not cpp_compiles(found[2]):
        return True
    return bool(misspelt(text))


def cpp_compiles(cpp: str) -> bool:
    command = ["g++", "-fsyntax-only", "-fopenmp", "-march=native", "-w", "-x", "c++", "-"]
    return subprocess.run(command, input=cpp, text=True, capture_output=True).returncode == 0


def misspelt(text: str) -> set[str]:
    """Words that lack one letter of a name that Python has to find at run time."""
    words = set(re.findall(r"\w+", text))
    return {w for k in KNOWN for at in range(len(k)) if (w := k[:at] + k[at + 1 :]) in words}


def test_broken_texts_are_refused_and_whole_ones_are_not() -> None:
    rng = random.Random(3)
    examples = (e for e in generate(11) if e.mode == "module" and e.mistake != "syntax")
    for example in islice(examples, 25):
        assert not refused(example.text), example.text
        broken = break_syntax(example.text, rng)
        assert broken != example.text
        assert refused(broken), broken


def test_a_text_without_anything_to_lose_is_broken_too() -> None:
    assert refused(break_syntax("x = 1", random.Random(0)))
