"""How a text varies that does the same thing: names, layout, comments, block sizes, and slips.

A *persona* is drawn per example, independently of the approach's quality: `plain` writes the
conventional names and no comments (low entropy), `own` varies names and layout and leaves a note
now and then, `chatty` comments wherever there is room. So surprisal and quality are tied only as
far as frequencies.toml ties them. `nats` keeps the information of the choices made so far.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tasks.policies.embedded.corpus import words

T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """The habits of an author that change nothing but the look of C++ and of the imports."""

    indent: int = 4
    star_left: bool = True
    increment_first: bool = False
    brace_below: bool = False
    nn_from_torch: bool = False
    annotated: bool = False
    quote: str = '"""'

    def apply(self, cpp: str) -> str:
        """`cpp`, written with four spaces, `float* x`, `i++` and `) {`, in this author's look."""
        if self.indent != 4:
            cpp = re.sub(
                r"^( +)", lambda m: " " * (len(m[1]) * self.indent // 4), cpp, flags=re.MULTILINE
            )
        if not self.star_left:
            cpp = re.sub(r"(float|vec)\* (?=\w)", r"\1 *", cpp)
        if self.increment_first:
            cpp = re.sub(r"\b(\w+)\+\+\)", r"++\1)", cpp)
        if self.brace_below:
            cpp = re.sub(r"^( *)(.*\)) \{$", r"\1\2\n\1{", cpp, flags=re.MULTILINE)
        return cpp


class Style:
    """The source of every random decision inside one example. Deterministic given `rng`."""

    def __init__(self, rng: random.Random, persona: str, slip_rate: float) -> None:
        self.rng = rng
        self.persona = persona
        self.mistake: str | None = None
        self.nats = 0.0
        """Information of the choices made so far, in nats: −Σ log P(choice)."""
        self._slip_rate = slip_rate
        self._names: dict[str, str] = {}
        self._layout: Layout | None = None

    @property
    def plain(self) -> bool:
        return self.persona == "plain"

    def choice(self, options: Sequence[T]) -> T:
        """One of `options`; the first is the convention, which `plain` always takes."""
        return options[0] if self.plain else self.vary(options)

    def vary(self, options: Sequence[T]) -> T:
        """One of `options`, uniformly, for every persona (block sizes, loop orders)."""
        self.nats += math.log(len(options))
        return self.rng.choice(options)

    def maybe(self, probability: float) -> bool:
        """True with `probability`, for every persona."""
        happens = self.rng.random() < probability
        self.nats -= math.log(probability if happens else 1 - probability)
        return happens

    def name(self, role: str) -> str:
        """The name this author gives to `role` (words.NAMES), the same throughout the example."""
        if role not in self._names:
            taken = set(self._names.values())
            word = self._invent(role)
            for _ in range(20):
                if word not in taken:
                    break
                word = self._invent(role)
            self._names[role] = word if word not in taken else f"{role}_{len(taken)}"
        return self._names[role]

    def _invent(self, role: str) -> str:
        word = self.choice(words.NAMES[role])
        if self.plain or not self.maybe(words.SUFFIX_RATE):
            return word
        return word + self.vary(words.SUFFIXES)

    def comment(self, topic: str, mark: str = "//") -> str:
        """A comment line (with its newline) on `topic` (words.COMMENTS), or nothing."""
        rate = words.COMMENT_RATES[self.persona]
        if not rate or not self.maybe(rate):
            return ""
        line = self._phrase(topic)
        while self.persona == "chatty" and self.maybe(0.5):
            line += f"\n{mark} {self._phrase('aside')}"
        return f"{mark} {line}\n"

    def _phrase(self, topic: str) -> str:
        return self.numbered(
            self.vary(words.OPENERS) + self.vary(words.COMMENTS[topic]) + self.vary(words.TAILS)
        )

    def numbered(self, text: str) -> str:
        while "{n}" in text:
            text = text.replace("{n}", str(self.vary(range(100))), 1)
        return text

    def _written(self, cpp: str) -> str:
        """`cpp` in this author's look, with notes in the margin."""
        lines = self.layout.apply(cpp).strip().split("\n")
        return "\n".join(self._noted(lines, "//", lambda line: line.endswith(("{", ";"))))

    def noted(self, python: str) -> str:
        """`python` with notes in the margin; decorators and comments have none."""
        return "\n".join(self._noted(python.split("\n"), "#", lambda line: line[:1] != "@"))

    def _noted(self, lines: list[str], mark: str, fits: Callable[[str], bool]) -> list[str]:
        rate, notes = words.MARGIN_RATES[self.persona], 0
        for at, line in enumerate(lines):
            room = bool(line.strip()) and fits(line) and not line.lstrip().startswith("#")
            if rate and room and notes < words.MARGIN_LIMIT and self.maybe(rate):
                lines[at] += f"  {mark} {self.numbered(self.vary(words.MARGINS))}"
                notes += 1
        return lines

    def slip(self, kind: str, right: str, wrong: str) -> str:
        """`right`, or once in a while the mistake people make here; at most one per example."""
        if self.mistake is None and self.rng.random() < self._slip_rate:
            self.mistake = kind
            self.nats -= math.log(self._slip_rate)
            return wrong
        return right

    @property
    def layout(self) -> Layout:
        """This author's look, drawn once per example."""
        if self._layout is None:
            self._layout = Layout(
                indent=self.choice([4, 2]),
                star_left=self.choice([True, False]),
                increment_first=self.choice([False, True]),
                brace_below=self.choice([False, False, False, True]),
                nn_from_torch=self.choice([False, True]),
                annotated=self.choice([False, True]),
                quote=self.choice(['"""', "'''"]),
            )
        return self._layout

    def module(
        self,
        cpp: str,
        forward: str,
        *,
        arguments: str,
        init: str = "",
        init_arguments: str = "",
    ) -> str:
        """A whole candidate: C++ source, `load`, and `ModelNew` with this `forward` body.

        `forward` and `init` are bodies without indentation that call the library as `{lib}`;
        `arguments` are those of `forward` behind self, e.g. "A, s".
        """
        source, lib, quote = self.name("cpp_source"), self.name("library"), self.layout.quote
        text = self._imports() + "from kernels_eval.backends.cpp import load\n\n"
        text += f"{source} = r{quote}\n{self._written(cpp)}\n{quote}\n"
        text += f"{lib} = load({source})\n\n"
        text += self.model(
            forward.replace("{lib}", lib),
            arguments=arguments,
            init=init.replace("{lib}", lib),
            init_arguments=init_arguments,
        )
        return text

    def torch_module(
        self, forward: str, *, arguments: str, init: str = "", init_arguments: str = ""
    ) -> str:
        """A whole candidate in plain torch (`F` is torch.nn.functional)."""
        text = self._imports()
        if "F." in forward:
            text += "import torch.nn.functional as F\n"
        return (
            text
            + "\n"
            + self.model(forward, arguments=arguments, init=init, init_arguments=init_arguments)
        )

    def _imports(self) -> str:
        nn = "from torch import nn" if self.layout.nn_from_torch else "import torch.nn as nn"
        header, rate = self.comment("module", "#"), words.HEADER_RATES[self.persona]
        if rate and self.maybe(rate):
            header += f"# {self.numbered(self.vary(words.HEADERS))}\n"
        return f"{header}import torch\n{nn}\n"

    def body(self, forward: str, cpp: str = "") -> str:
        """The body of `forward` alone; with `cpp`, it loads the library on the spot.

        Arguments and parameters have the reference's names; `torch`, `F`, `nn` and `load` are in
        scope. Loading the same source again costs nothing: it is compiled once.
        """
        note = self.comment("module", "#")
        if not cpp:
            return f"{note}{forward.strip()}\n"
        lib, quote = self.name("library"), self.layout.quote
        source = self._written(cpp)
        return (
            f"{note}{lib} = load(r{quote}\n{source}\n{quote})\n"
            f"{forward.replace('{lib}', lib).strip()}\n"
        )

    def model(self, forward: str, *, arguments: str, init: str, init_arguments: str) -> str:
        """`class ModelNew` with an optional constructor."""
        text = "class ModelNew(nn.Module):\n"
        if init:
            signature = f"self, {init_arguments}" if init_arguments else "self"
            text += f"    def __init__({signature}):\n        super().__init__()\n"
            text += indent(self.comment("setup", "#") + init, 8) + "\n"
        if note := self.comment("method", "#"):
            text += indent(note, 4)
        returns = " -> torch.Tensor" if self.layout.annotated else ""
        text += f"    def forward(self, {arguments}){returns}:\n"
        return text + indent(forward, 8)


def indent(block: str, spaces: int) -> str:
    """`block` with every non-empty line moved right; ends in one newline."""
    pad = " " * spaces
    lines = [pad + line if line.strip() else "" for line in block.strip("\n").split("\n")]
    return "\n".join(lines) + "\n"
