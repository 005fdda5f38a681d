"""28: clamp(x / 6 + 1/2, 0, 1). One pass is what the library does; stores are left to save."""

from __future__ import annotations

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style


def _module(s: Style, cpp: str) -> str:
    return s.module(cpp, idioms.call(s), arguments="x")


def _clamped(s: Style) -> idioms.Expression:
    """fminf and fmaxf keep NaN's rules, which costs the compiler its vectors."""
    inner = s.slip("precision", "/ 6.0f + 0.5f", "* (1 / 6) + 0.5f")
    low = s.slip("init", "0.0f", "-1.0f")
    return lambda x: f"fminf(fmaxf({x} {inner}, {low}), 1.0f)"


@approach(28, "naive")
def scalar_loop(s: Style) -> str:
    return _module(s, "#include <math.h>\n" + idioms.scalar_loop(s, _clamped(s)))


@approach(28, "naive")
def branches(s: Style) -> str:
    x, out = idioms.element(s)
    low = s.slip("bounds", "-3.0f", "0.0f")
    cpp = (
        f"{idioms.signature(s)}{s.comment('loop')}    {idioms.counted(s)} {{\n"
        f"        if ({x} <= {low}) {out} = 0.0f;\n"
        f"        else if ({x} >= 3.0f) {out} = 1.0f;\n"
        f"        else {out} = {x} / 6.0f + 0.5f;\n    }}\n}}"
    )
    return _module(s, cpp)


@approach(28, "naive")
def torch_clamp(s: Style) -> str:
    low = s.slip("bounds", "0, 1", "-1, 1")
    form = s.vary([f"torch.clamp(x / 6 + 0.5, {low})", f"(x / 6 + 0.5).clamp({low})"])
    return s.torch_module(f"return {form}", arguments="x")


@approach(28, "naive")
def torch_relu6(s: Style) -> str:
    shift = s.slip("init", "x + 3", "x + 6")
    form = s.vary([f"F.relu6({shift}) / 6", f"F.relu6({shift}) * (1 / 6)"])
    return s.torch_module(f"return {form}", arguments="x")


@approach(28, "good")
def torch_in_place(s: Style) -> str:
    out = s.name("out")
    steps = s.slip("init", "add_(0.5)", "add_(3)")
    form = s.vary(
        [
            f"{out} = x / 6\nreturn {out}.{steps}.clamp_(0, 1)",
            f"{out} = x * (1 / 6)\n{out}.{steps}\n{out}.clamp_(0, 1)\nreturn {out}",
        ]
    )
    return s.torch_module(form, arguments="x")


def _loop(s: Style, pragma: str, *, restrict: bool = False) -> str:
    """The clamp by selections, which become vector minima and maxima."""
    x, out = idioms.element(s)
    t = s.choice(["h", "z", "lin", "val", "mid"])
    slope = s.slip("precision", "(1.0f / 6)", "(1 / 6)")
    high = s.slip("bounds", f"{t} > 1 ? 1 : {t}", f"{t} > 1 ? {t} : 1")
    return (
        f"{idioms.signature(s, restrict=restrict)}{s.comment('loop')}    {pragma}\n"
        f"    {idioms.counted(s)} {{\n        float {t} = {x} * {slope} + 0.5f;\n"
        f"        {out} = {t} < 0 ? 0 : ({high});\n    }}\n}}"
    )


@approach(28, "good")
def simd_loop(s: Style) -> str:
    return _module(s, _loop(s, "#pragma omp simd", restrict=True))


@approach(28, "good")
def parallel_loop(s: Style) -> str:
    pragma = s.vary(["#pragma omp parallel for", "#pragma omp parallel for simd"])
    return _module(s, _loop(s, pragma))


def _vector_lines(s: Style) -> idioms.Expression:
    slope = s.slip("precision", "(1.0f / 6)", "(1 / 6)")
    one = s.vary(["0 * r + 1.0f", "r * 0 + 1.0f"])
    return lambda x: (
        f"        vec r = {x} * {slope} + 0.5f;\n"
        f"        r = r < 0 ? 0 * r : r;\n"
        f"        r = r > 1 ? {one} : r;\n"
    )


@approach(28, "expert")
def streaming_stores(s: Style) -> str:
    return _module(s, idioms.streaming_loop(s, _vector_lines(s)))


@approach(28, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return F.hardsigmoid(x.{kind}).float()", arguments="x"
    )


@approach(28, "cheat")
def remembers_answer(s: Style) -> str:
    init, forward = idioms.remembered(s, "F.hardsigmoid(x)")
    return s.torch_module(forward, arguments="x", init=init)


@approach(28, "naive", mode="body")
def library_call(s: Style) -> str:
    return s.body("return " + s.vary(["F.hardsigmoid(x)", "F.relu6(x + 3) / 6"]))


@approach(28, "good", mode="body")
def fused_clamp(s: Style) -> str:
    limits = s.slip("bounds", "0, 1", "-1, 1")
    return s.body(f"return (x / 6).{s.vary(['add_(0.5)', 'add(0.5)'])}.clamp_({limits})")


@approach(28, "expert", mode="body")
def streaming_body(s: Style) -> str:
    return s.body(idioms.call(s), idioms.streaming_loop(s, _vector_lines(s)))
