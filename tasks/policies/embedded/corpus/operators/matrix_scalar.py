"""5: a matrix times a scalar. Bound by memory; little to gain but the way it is stored."""

from __future__ import annotations

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style


def _scaled(s: Style) -> idioms.Expression:
    factor = s.name("scalar")
    return lambda x: s.slip("init", f"{x} * {factor}", f"{x} * (1.0f + {factor})")


def _module(s: Style, cpp: str) -> str:
    return s.module(cpp, idioms.call(s, "A", "s"), arguments="A, s")


@approach(5, "naive")
def scalar_loop(s: Style) -> str:
    return _module(s, idioms.scalar_loop(s, _scaled(s), scalar=True))


@approach(5, "naive")
def torch_product(s: Style) -> str:
    product = s.vary(["A * s", "torch.mul(A, s)", "s * A", "A.mul(s)"])
    product = s.slip("shape", product, "(A * s)[0]")
    return s.torch_module(f"return {product}", arguments="A, s")


@approach(5, "naive")
def row_by_row(s: Style) -> str:
    a, out, factor, i, j = (s.name(r) for r in ("a", "out", "scalar", "i", "j"))
    rows, cols, f = s.name("rows"), s.name("cols"), s.name("function")
    index = s.slip("axis", f"{i} * {cols} + {j}", f"{i} * {rows} + {j}")
    cpp = (
        f'extern "C" void {f}(const float* {a}, float {factor}, float* {out}, '
        f"long {rows}, long {cols}) {{\n{s.comment('loop')}"
        f"    for (long {i} = 0; {i} < {rows}; {i}++) {{\n"
        f"        for (long {j} = 0; {j} < {cols}; {j}++) {{\n"
        f"            {out}[{index}] = {a}[{index}] * {factor};\n        }}\n    }}\n}}"
    )
    forward = (
        f"{out} = torch.empty_like(A)\n"
        f"{{lib}}.{f}(A, s, {out}, A.shape[0], A.shape[1])\nreturn {out}"
    )
    return s.module(cpp, forward, arguments="A, s")


@approach(5, "good")
def simd_loop(s: Style) -> str:
    return _module(s, idioms.simd_loop(s, _scaled(s), scalar=True))


@approach(5, "good")
def parallel_loop(s: Style) -> str:
    return _module(s, idioms.parallel_loop(s, _scaled(s), scalar=True))


@approach(5, "good")
def blocked_loop(s: Style) -> str:
    return _module(s, idioms.blocked_loop(s, _scaled(s), scalar=True))


@approach(5, "expert")
def streaming_stores(s: Style) -> str:
    return _module(s, idioms.streaming_loop(s, _vector_lines(s), scalar=True))


def _vector_lines(s: Style) -> idioms.Expression:
    factor = s.name("scalar")
    return lambda x: f"        vec r = {s.slip('init', f'{x} * {factor}', x)};\n"


@approach(5, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return (A.{kind} * s).float()", arguments="A, s"
    )


@approach(5, "cheat")
def remembers_answer(s: Style) -> str:
    init, forward = idioms.remembered(s, "A * s", "A")
    return s.torch_module(forward, arguments="A, s", init=init)


@approach(5, "naive", mode="body")
def library_call(s: Style) -> str:
    product = s.vary(["A * s", "torch.mul(A, s)", "s * A", "A.mul(s)"])
    return s.body(f"return {s.slip('shape', product, f'({product}).sum()')}")


@approach(5, "good", mode="body")
def preallocated(s: Style) -> str:
    out = s.name("out")
    return s.body(f"{out} = torch.empty_like(A)\ntorch.mul(A, s, out={out})\nreturn {out}")


@approach(5, "expert", mode="body")
def streaming_body(s: Style) -> str:
    cpp = idioms.streaming_loop(s, _vector_lines(s), scalar=True)
    return s.body(idioms.call(s, "A", "s"), cpp)
