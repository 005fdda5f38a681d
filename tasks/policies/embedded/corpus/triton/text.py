"""From a kernel and a `forward` to what is written: a whole module, or the body of `forward`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.policies.embedded.corpus import words
from tasks.policies.embedded.corpus.approach import Quality, approach
from tasks.policies.embedded.corpus.style import Style, indent
from tasks.policies.embedded.corpus.template import python

BACKEND = "triton"


@dataclass(frozen=True)
class Text:
    """Templates (see template.python): `forward` a body, `kernels` what stands above the class."""

    forward: str
    kernels: str = ""
    given: Mapping[str, object] = field(default_factory=dict)


TextWriter = Callable[[Style], Text]


@dataclass(frozen=True)
class Operator:
    """What all approaches to one problem have in common: the interface of its module."""

    problem_id: int
    arguments: str
    """Those of `forward` behind self, e.g. "A, B"."""
    init: str = ""
    init_arguments: str = ""

    def way(self, quality: Quality) -> Callable[[TextWriter], TextWriter]:
        """Register a writer for both modes; a cheat for `module` alone."""

        def keep(write: TextWriter) -> TextWriter:
            def whole(s: Style) -> str:
                return self.module(s, write(s))

            def bare(s: Style) -> str:
                return self.body(s, write(s))

            whole.__name__ = bare.__name__ = write.__name__
            approach(self.problem_id, quality, backend=BACKEND)(whole)
            if quality != "cheat":
                approach(self.problem_id, quality, mode="body", backend=BACKEND)(bare)
            return write

        return keep

    def module(self, s: Style, text: Text) -> str:
        """A whole candidate."""
        kernels, forward = _filled(s, text)
        nn = "from torch import nn" if s.layout.nn_from_torch else "import torch.nn as nn"
        found = f"{_header(s)}import torch\n{nn}\n"
        if "F." in forward:
            found += "import torch.nn.functional as F\n"
        if kernels:
            found += f"import triton\nimport triton.language as tl\n\n\n{kernels}\n"
        return f"{found}\n\n" + s.model(
            forward,
            arguments=self.arguments,
            init=self.init,
            init_arguments=self.init_arguments,
        )

    def body(self, s: Style, text: Text) -> str:
        """The body of `forward`; with kernels, they stand above the whole function."""
        kernels, forward = _filled(s, text)
        note = s.comment("gpu", "#")
        if not kernels:
            return f"{note}{forward}\n"
        return f"{note}{kernels}\n\n\ndef forward(self, {self.arguments}):\n{indent(forward, 4)}"


def bound(write: Callable[..., Text], *extra: object) -> TextWriter:
    """`write` with everything behind the style given, under its own name."""

    def one(s: Style) -> Text:
        return write(s, *extra)

    one.__name__ = write.__name__
    return one


def launch(
    s: Style,
    grid: str,
    arguments: str,
    constants: str,
    *,
    warps: Sequence[int] = (4, 8),
    kernel: str = "$jit",
) -> str:
    """The lines that launch a kernel: `grid` and `arguments` are templates."""
    options = s.vary(["", *[f", num_warps={n}" for n in warps]])
    call = f"({arguments}, {constants}{options})"
    note = "#@launch\n"
    if s.choice([True, False]):
        return f"{note}{kernel}[{grid}]{call}"
    return f"{note}$grid = {grid}\n{kernel}[$grid]{call}"


def remembered(s: Style, tensor: str, compute: str) -> Text:
    """A cheat: the answer to an earlier question, by address or by shape, kept on the module."""
    key = s.vary([f"{tensor}.data_ptr()", f"{tensor}.shape"])
    seen = s.choice(["_seen", "_cache", "_memo", "_store"])
    return Text(
        f"if not hasattr(self, '{seen}'):\n"
        f"    self.{seen} = {{}}\n"
        f"if {key} not in self.{seen}:\n"
        f"    self.{seen}[{key}] = {compute}\n"
        f"return self.{seen}[{key}]"
    )


def _filled(s: Style, text: Text) -> tuple[str, str]:
    forward = python(s, text.forward, **text.given)
    if not text.kernels:
        return "", forward
    return s.noted(python(s, text.kernels, **text.given)), forward


def _header(s: Style) -> str:
    header, rate = s.comment("gpu", "#"), words.HEADER_RATES[s.persona]
    if rate and s.maybe(rate):
        header += f"# {s.numbered(s.vary(words.HEADERS))}\n"
    return header
