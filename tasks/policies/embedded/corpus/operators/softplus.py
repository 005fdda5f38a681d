"""29: log(1 + exp(x)). Bound by exp and log: polynomials on vectors of eight beat the library."""

from __future__ import annotations

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style


def _module(s: Style, cpp: str) -> str:
    return s.module(cpp, idioms.call(s), arguments="x")


def _stable(s: Style) -> idioms.Expression:
    """max(x, 0) + log1p(exp(-|x|)): never overflows."""
    tail = s.slip("precision", "expf(-fabsf({x}))", "expf({x})")
    return lambda x: f"fmaxf({x}, 0.0f) + log1pf({tail.replace('{x}', x)})"


@approach(29, "naive")
def threshold_loop(s: Style) -> str:
    direct = s.slip("precision", "{x} > 20.0f ? {x} : log1pf(expf({x}))", "logf(1.0f + expf({x}))")
    cpp = idioms.scalar_loop(s, lambda x: direct.replace("{x}", x))
    return _module(s, "#include <math.h>\n" + cpp)


@approach(29, "naive")
def stable_loop(s: Style) -> str:
    return _module(s, "#include <math.h>\n" + idioms.scalar_loop(s, _stable(s)))


@approach(29, "naive")
def torch_threshold(s: Style) -> str:
    log = s.vary(["torch.log1p(torch.exp(x))", "x.exp().log1p()"])
    form = s.slip("precision", f"torch.where(x > 20, x, {log})", "torch.log(1 + torch.exp(x))")
    return s.torch_module(f"return {form}", arguments="x")


@approach(29, "naive")
def torch_stable(s: Style) -> str:
    form = s.vary(
        [
            "x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))",
            "torch.logaddexp(x, torch.zeros_like(x))",
            "-F.logsigmoid(-x)",
            "F.softplus(x)",
        ]
    )
    form = s.slip("precision", form, "torch.log(1 + torch.exp(x))")
    return s.torch_module(f"return {form}", arguments="x")


@approach(29, "good")
def torch_in_place(s: Style) -> str:
    out = s.name("out")
    negate = s.slip("precision", "x.abs().neg_()", "x.abs()")
    add = s.vary([f"return {out}.add_(F.relu(x))", f"return {out} + x.clamp(min=0)"])
    return s.torch_module(f"{out} = {negate}.exp_().log1p_()\n{add}", arguments="x")


@approach(29, "good")
def parallel_loop(s: Style) -> str:
    return _module(s, "#include <math.h>\n" + idioms.parallel_loop(s, _stable(s)))


TYPES = idioms.VECTOR + "typedef int ivec __attribute__((vector_size(32)));\n"


def _vector_lines(s: Style) -> idioms.Expression:
    """exp by 2^k and Taylor's p(r), |r| < ln(2)/2; log1p by the series of 2 atanh(e / (2 + e))."""
    ln2 = s.slip("precision", "0.693147182f", "0.7f")
    shift = s.slip("bounds", "<< 23", "<< 22")
    last = s.slip("init", "(xv > 0 ? xv : 0 * xv)", "xv")
    return lambda x: (
        f"        vec xv = {x}, av = xv > 0 ? -xv : xv;\n"
        "        av = av < -87 ? 0 * av - 87 : av;\n"
        "        vec kv = av * 1.44269504f + 12582912.0f;\n"
        f"        ivec bits = (ivec)kv {shift};\n"
        "        kv -= 12582912.0f;\n"
        f"        vec tv = av - kv * {ln2} + kv * 1.90465421e-9f;\n"
        "        vec pv = tv * (1.0f / 720) + 1.0f / 120;\n"
        "        pv = pv * tv + 1.0f / 24; pv = pv * tv + 1.0f / 6;\n"
        "        pv = pv * tv + 0.5f; pv = pv * tv + 1; pv = pv * tv + 1;\n"
        "        vec ev = (vec)((ivec)pv + bits), zv = ev / (2 + ev), wv = zv * zv;\n"
        "        vec qv = wv * (2.0f / 11) + 2.0f / 9;\n"
        "        qv = qv * wv + 2.0f / 7; qv = qv * wv + 0.4f;\n"
        "        qv = qv * wv + 2.0f / 3; qv = qv * wv + 2;\n"
        f"        vec r = {last} + zv * qv;\n"
    )


@approach(29, "expert")
def polynomial(s: Style) -> str:
    cpp = idioms.streaming_loop(s, _vector_lines(s), types=TYPES)
    return _module(s, cpp)


@approach(29, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return F.softplus(x.{kind}).float()", arguments="x"
    )


@approach(29, "cheat")
def just_relu(s: Style) -> str:
    return s.torch_module(
        f"{s.comment('cheat', '#')}return {s.vary(['F.relu(x)', 'x.clamp(min=0)'])}",
        arguments="x",
    )


@approach(29, "naive", mode="body")
def library_call(s: Style) -> str:
    form = s.vary(["F.softplus(x)", "-F.logsigmoid(-x)", "torch.logaddexp(x, torch.zeros_like(x))"])
    return s.body(f"return {form}")


@approach(29, "naive", mode="body")
def direct(s: Style) -> str:
    log = s.vary(["torch.log1p(torch.exp(x))", "x.exp().log1p()"])
    form = s.slip("precision", f"torch.where(x > 20, x, {log})", "torch.log(1 + torch.exp(x))")
    return s.body(f"return {form}")


@approach(29, "good", mode="body")
def in_place(s: Style) -> str:
    out, negate = s.name("out"), s.slip("precision", "x.abs().neg_()", "x.abs()")
    return s.body(f"{out} = {negate}.exp_().log1p_()\nreturn {out}.add_(F.relu(x))")


@approach(29, "expert", mode="body")
def polynomial_body(s: Style) -> str:
    return s.body(idioms.call(s), idioms.streaming_loop(s, _vector_lines(s), types=TYPES))
