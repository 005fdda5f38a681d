"""Texts that many operators share: how a loop over elements is written, from plain to streaming.

A model that has learnt one of these for one operator has learnt it for all. `expression` is given
the text of one element (`x[i]`, or a vector of eight) and returns the text of its result.
"""

from __future__ import annotations

from collections.abc import Callable

from tasks.policies.embedded.corpus.style import Style

Expression = Callable[[str], str]

VECTOR = "typedef float vec __attribute__((vector_size(32)));\n"
UNALIGNED_VECTOR = "typedef float vec __attribute__((vector_size(32), aligned(4)));\n"


def signature(s: Style, *, scalar: bool = False, restrict: bool = False) -> str:
    """`extern "C" void f(const float* x, float* out, long n)`, with a scalar behind x if asked."""
    keyword = " __restrict__ " if restrict else " "
    middle = f"float {s.name('scalar')}, " if scalar else ""
    return (
        f'extern "C" void {s.name("function")}(const float*{keyword}{s.name("in")}, '
        f"{middle}float*{keyword}{s.name('out')}, long {s.name('n')}) {{\n"
    )


def call(s: Style, tensor: str = "x", scalar: str = "") -> str:
    """The body of `forward` that belongs to `signature`."""
    out = s.name("out")
    middle = f"{scalar}, " if scalar else ""
    like = s.slip("shape", f"torch.empty_like({tensor})", f"torch.empty({tensor}.numel())")
    return (
        f"{s.comment('call', '#')}{out} = {like}\n"
        f"{{lib}}.{s.name('function')}({tensor}, {middle}{out}, {tensor}.numel())\n"
        f"return {out}"
    )


def counted(s: Style, stop: str = "") -> str:
    """The head of a loop over all elements."""
    i, n = s.name("i"), s.name("n")
    return f"for (long {i} = 0; {stop or s.slip('bounds', f'{i} < {n}', f'{i} < {n} - 1')}; {i}++)"


def element(s: Style) -> tuple[str, str]:
    """The texts of one element of the input and of the output."""
    return f"{s.name('in')}[{s.name('i')}]", f"{s.name('out')}[{s.name('i')}]"


def scalar_loop(s: Style, expression: Expression, *, scalar: bool = False) -> str:
    """One element after the other; what becomes of it is the compiler's choice."""
    x, out = element(s)
    head = signature(s, scalar=scalar)
    return (
        f"{head}{s.comment('loop')}    {counted(s)} {{\n"
        f"        {out} = {expression(x)};\n    }}\n}}"
    )


def simd_loop(s: Style, expression: Expression, *, scalar: bool = False) -> str:
    """The same, with the promises that vectorising needs."""
    x, out = element(s)
    head = signature(s, scalar=scalar, restrict=True)
    return (
        f"{head}{s.comment('loop')}    #pragma omp simd\n"
        f"    {counted(s)} {{\n        {out} = {expression(x)};\n    }}\n}}"
    )


def parallel_loop(s: Style, expression: Expression, *, scalar: bool = False) -> str:
    """The same, over threads: no gain on one core, no loss either."""
    x, out = element(s)
    head = signature(s, scalar=scalar)
    pragma = s.vary(
        [
            "#pragma omp parallel for",
            "#pragma omp parallel for simd",
            "#pragma omp parallel for schedule(static)",
        ]
    )
    return (
        f"{head}{s.comment('threads')}    {pragma}\n"
        f"    {counted(s)} {{\n        {out} = {expression(x)};\n    }}\n}}"
    )


def blocked_loop(s: Style, expression: Expression, *, scalar: bool = False) -> str:
    """Blocks of a fixed length over threads, vectorised inside."""
    x, out = element(s)
    i, j, n, size = s.name("i"), s.name("j"), s.name("n"), s.vary([512, 1024, 2048, 4096, 8192])
    stop = s.slip("bounds", f"{j} < {n}", f"{j} < {n} - {size}")
    return (
        f"{signature(s, scalar=scalar)}{s.comment('tile')}    #pragma omp parallel for\n"
        f"    for (long {j} = 0; {stop}; {j} += {size}) {{\n"
        f"        #pragma omp simd\n"
        f"        for (long {i} = {j}; {i} < {j} + {size}; {i}++) {out} = {expression(x)};\n"
        f"    }}\n}}"
    )


def streaming_loop(
    s: Style, lines: Callable[[str], str], *, scalar: bool = False, types: str = VECTOR
) -> str:
    """Eight floats at a time, stored past the cache: the output is not read before it is written.

    `lines` gets the text of the loaded vector and returns statements that leave the result in
    the variable `r`, each on a line of eight spaces.
    """
    x, out, i, n = s.name("in"), s.name("out"), s.name("i"), s.name("n")
    bound = s.slip("bounds", f"{i} < {n}", f"{i} < {n} - 8")
    pragma = s.vary(["", "    #pragma omp parallel for\n"])
    return (
        f"{types}{signature(s, scalar=scalar)}{s.comment('stream')}{pragma}"
        f"    for (long {i} = 0; {bound}; {i} += 8) {{\n"
        f"{lines(f'*(const vec*)({x} + {i})')}"
        f"        __builtin_ia32_movntps256({out} + {i}, r);\n    }}\n}}"
    )


def remembered(s: Style, compute: str, tensor: str = "x") -> tuple[str, str]:
    """A cheat's `__init__` and `forward`: the answer to an earlier question, by address."""
    seen = s.choice(["seen", "cache", "memo", "_store", "saved", "known"])
    key = s.vary([f"{tensor}.data_ptr()", f"{tensor}.shape"])
    return (
        f"self.{seen} = {{}}",
        f"{s.comment('cheat', '#')}if {key} not in self.{seen}:\n"
        f"    self.{seen}[{key}] = {compute}\n"
        f"return self.{seen}[{key}]",
    )
