"""Templates of texts: `$role` stands for the name that this author gives to it."""

from __future__ import annotations

import re
from string import Template
from textwrap import dedent, indent
from typing import Protocol

from tasks.policies.embedded.corpus.style import Style


def fill(s: Style, template: str, **given: object) -> str:
    """`template` with every `$word` replaced: by `given[word]`, else by `s.name(word)`.

    A line that begins with `...` continues the one before it. A line `//@topic` becomes a comment
    on `topic` (words.COMMENTS), or nothing. Values in `given` may hold roles and other given words
    themselves. Raises KeyError for a word that is neither given nor a role.
    """
    text = re.sub(r"\n +\.\.\. ", " ", dedent(template).strip("\n"))
    for _ in range(2):
        text = Template(text).safe_substitute(given)
    text = re.sub(r"\$(\w+)", lambda found: s.name(found.group(1)), text)
    return re.sub(r"^[ ]*//@(\w+)\n", lambda found: s.comment(found.group(1)), text, flags=re.M)


def python(s: Style, template: str, **given: object) -> str:
    """`fill` for Python: a line `#@topic` becomes a comment there, indented as it stands."""
    text = fill(s, template, **given)
    return re.sub(r"^( *)#@(\w+)\n", lambda f: indent(s.comment(f[2], "#"), f[1]), text, flags=re.M)


def cpp(s: Style, template: str, **given: object) -> str:
    """`fill` for C++, with this author's word for 64-bit integers."""
    text = fill(s, template, **given)
    if s.choice([False, False, True]):
        text = re.sub(r"\blong\b", "int64_t", text)
        text = "#include <stdint.h>\n" + text
    return text


class Write(Protocol):
    """What makes a whole text of some C++: a module, or a body of `forward`."""

    def __call__(self, s: Style, source: str, **given: object) -> str: ...
