"""32: clamp(x, -1, 1). One pass is what the library does; stores are left to save."""

from __future__ import annotations

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style


def _module(s: Style, cpp: str) -> str:
    return s.module(cpp, idioms.call(s), arguments="x")


def _clamped(s: Style) -> idioms.Expression:
    """fminf and fmaxf keep NaN's rules, which costs the compiler its vectors."""
    low = s.slip("bounds", "-1.0f", "0.0f")
    return lambda x: f"fminf(fmaxf({x}, {low}), 1.0f)"


def _selected(s: Style) -> idioms.Expression:
    low = s.slip("bounds", "-1.0f", "0.0f")
    return lambda x: f"{x} < {low} ? {low} : ({x} > 1.0f ? 1.0f : {x})"


@approach(32, "naive")
def scalar_loop(s: Style) -> str:
    return _module(s, "#include <math.h>\n" + idioms.scalar_loop(s, _clamped(s)))


@approach(32, "naive")
def branches(s: Style) -> str:
    x, out = idioms.element(s)
    low = s.slip("init", "-1.0f;", "1.0f;")
    cpp = (
        f"{idioms.signature(s)}{s.comment('loop')}    {idioms.counted(s)} {{\n"
        f"        if ({x} < -1.0f) {out} = {low}\n"
        f"        else if ({x} > 1.0f) {out} = 1.0f;\n"
        f"        else {out} = {x};\n    }}\n}}"
    )
    return _module(s, cpp)


@approach(32, "naive")
def torch_clamp(s: Style) -> str:
    low = s.slip("bounds", "-1, 1", "0, 1")
    form = s.vary([f"torch.clamp(x, {low})", f"x.clamp({low})", f"F.hardtanh(x, {low})"])
    return s.torch_module(f"return {form}", arguments="x")


@approach(32, "naive")
def torch_limits(s: Style) -> str:
    high = s.slip("bounds", "clamp(max=1)", "clamp(max=2)")
    form = s.vary([f"x.clamp(min=-1).{high}", f"-(-x.{high}).clamp(max=1)"])
    return s.torch_module(f"return {form}", arguments="x")


@approach(32, "good")
def simd_loop(s: Style) -> str:
    return _module(s, idioms.simd_loop(s, _selected(s)))


@approach(32, "good")
def parallel_loop(s: Style) -> str:
    return _module(s, idioms.parallel_loop(s, _selected(s)))


@approach(32, "good")
def blocked_loop(s: Style) -> str:
    return _module(s, idioms.blocked_loop(s, _selected(s)))


def _vector_lines(s: Style) -> idioms.Expression:
    low = s.slip("bounds", "r < -one ? -one : r", "r < one ? -one : r")
    one = s.vary(["vec{} + 1.0f", "1.0f - vec{}"])
    return lambda x: (
        f"        vec one = {one};\n"
        f"        vec r = {x};\n"
        f"        r = {low};\n"
        f"        r = r > one ? one : r;\n"
    )


@approach(32, "expert")
def streaming_stores(s: Style) -> str:
    return _module(s, idioms.streaming_loop(s, _vector_lines(s)))


@approach(32, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return x.{kind}.clamp(-1, 1).float()", arguments="x"
    )


@approach(32, "cheat")
def remembers_answer(s: Style) -> str:
    init, forward = idioms.remembered(s, "x.clamp(-1, 1)")
    return s.torch_module(forward, arguments="x", init=init)


@approach(32, "naive", mode="body")
def library_call(s: Style) -> str:
    form = s.vary(["F.hardtanh(x)", "x.clamp(-1, 1)", "torch.clamp(x, -1.0, 1.0)"])
    return s.body(f"return {form}")


@approach(32, "good", mode="body")
def preallocated(s: Style) -> str:
    out, low = s.name("out"), s.slip("bounds", "-1, 1", "0, 1")
    return s.body(f"{out} = torch.empty_like(x)\ntorch.clamp(x, {low}, out={out})\nreturn {out}")


@approach(32, "expert", mode="body")
def streaming_body(s: Style) -> str:
    return s.body(idioms.call(s), idioms.streaming_loop(s, _vector_lines(s)))
