"""14 and 15: products of two triangular matrices. A sixth of the dense product's work is needed.

C[i, j] sums over k in [i, j] for upper, over [j, i] for lower triangles. Each approach is written
once for both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import Quality, approach
from tasks.policies.embedded.corpus.style import Style

ROLES = ("a", "b", "out", "n", "i", "j", "k")
Writer = Callable[[Style, bool], str]


def both(
    quality: Quality, mode: Literal["module", "body"] = "module"
) -> Callable[[Writer], Writer]:
    """Register a writer for the upper problem (14) and for the lower one (15)."""

    def keep(write: Writer) -> Writer:
        for problem_id, upper in ((14, True), (15, False)):

            def bound(s: Style, upper: bool = upper) -> str:
                return write(s, upper)

            bound.__name__ = write.__name__
            approach(problem_id, quality, mode=mode)(bound)
        return write

    return keep


def _signature(s: Style, restrict: bool = False) -> str:
    keyword = " __restrict__ " if restrict else " "
    a, b, out, n = (s.name(r) for r in ROLES[:4])
    return (
        f'extern "C" void {s.name("function")}(const float*{keyword}{a}, const float*{keyword}{b}, '
        f"float*{keyword}{out}, long {n}) {{\n"
    )


def _call(s: Style, allocate: str = "empty_like") -> str:
    out = s.name("out")
    return (
        f"{s.comment('call', '#')}{out} = torch.{allocate}(A)\n"
        f"{{lib}}.{s.name('function')}(A, B, {out}, A.shape[0])\nreturn {out}"
    )


def _module(s: Style, cpp: str, allocate: str = "empty_like") -> str:
    return s.module(cpp, _call(s, allocate), arguments="A, B")


def _keep(upper: bool) -> str:
    return "triu" if upper else "tril"


@both("naive")
def dot_loops(s: Style, upper: bool) -> str:
    a, b, out, n, i, j, k = (s.name(r) for r in ROLES)
    acc = s.name("acc")
    zeros = s.slip("init", "zeros_like", "ones_like")
    columns = f"{j} = {i}; {j} < {n}" if upper else f"{j} = 0; {j} <= {i}"
    first, last = (i, j) if upper else (j, i)
    stop = s.slip("bounds", f"{k} <= {last}", f"{k} < {last}")
    index = s.slip("axis", f"{b}[{k} * {n} + {j}]", f"{b}[{j} * {n} + {k}]")
    cpp = (
        f"{_signature(s)}{s.comment('skip')}"
        f"    for (long {i} = 0; {i} < {n}; {i}++) {{\n"
        f"        for (long {columns}; {j}++) {{\n"
        f"            float {acc} = 0.0f;\n"
        f"            for (long {k} = {first}; {stop}; {k}++) {acc} += {a}[{i} * {n} + {k}] * "
        f"{index};\n"
        f"            {out}[{i} * {n} + {j}] = {acc};\n        }}\n    }}\n}}"
    )
    return _module(s, cpp, zeros)


@both("naive")
def torch_product(s: Style, upper: bool) -> str:
    keep = _keep(upper)
    form = s.vary(
        [f"torch.{keep}(A @ B)", f"(A @ B).{keep}_()", f"torch.mm(A, B).{keep}()", "A @ B"]
    )
    form = s.slip("axis", form, f"torch.{_keep(not upper)}(A @ B)")
    return s.torch_module(f"return {form}", arguments="A, B")


def _row_updates(s: Style, upper: bool, outer: str = "", inner: str = "") -> str:
    a, b, out, n, i, j, k = (s.name(r) for r in ROLES)
    ks = f"{k} = {i}; {k} < {n}" if upper else f"{k} = 0; {k} <= {i}"
    js = f"{j} = {k}; {j} < {n}" if upper else f"{j} = 0; {j} <= {k}"
    row = s.slip("axis", f"{b}[{k} * {n} + {j}]", f"{b}[{i} * {n} + {j}]")
    ks = s.slip("bounds", ks, f"{k} = {i} + 1; {k} < {n}" if upper else f"{k} = 0; {k} < {i}")
    return (
        f"{_signature(s, restrict=bool(inner))}{s.comment('skip')}{outer}"
        f"    for (long {i} = 0; {i} < {n}; {i}++) {{\n"
        f"        for (long {ks}; {k}++) {{\n"
        f"            float aik = {a}[{i} * {n} + {k}];\n{inner}"
        f"            for (long {js}; {j}++) {out}[{i} * {n} + {j}] += aik * {row};\n"
        f"        }}\n    }}\n}}"
    )


@both("naive")
def row_updates(s: Style, upper: bool) -> str:
    return _module(s, _row_updates(s, upper), s.slip("init", "zeros_like", "ones_like"))


@both("good")
def parallel_row_updates(s: Style, upper: bool) -> str:
    schedule = s.vary(["", " schedule(dynamic)", " schedule(guided)"])
    cpp = _row_updates(
        s, upper, f"    #pragma omp parallel for{schedule}\n", "            #pragma omp simd\n"
    )
    return _module(s, cpp, s.slip("init", "zeros_like", "ones_like"))


def _panel_lines(s: Style, upper: bool) -> str:
    out, n, i, step = s.name("out"), s.name("n"), s.name("i"), s.name("block")
    size = s.vary([64, 96, 128, 192, 256])
    end = f"{i} + {step}"
    inner = f"{i}:" if upper else f":{end}"
    rows = s.slip("axis", f"{i}:{end}, {inner}", f"{inner}, {i}:{end}")
    keep = s.slip("axis", f".{_keep(upper)}_()", f".{_keep(not upper)}_()")
    return (
        f"{step}, {n} = {size}, A.shape[0]\n"
        f"{out} = torch.zeros_like(A)\n{s.comment('skip', '#')}"
        f"for {i} in range(0, {n}, {step}):\n"
        f"    {out}[{i}:{end}, {inner}] = A[{rows}] @ B[{inner}, {inner}]\n"
        f"return {out}{keep}"
    )


@both("good")
def torch_panels(s: Style, upper: bool) -> str:
    return s.torch_module(_panel_lines(s, upper), arguments="A, B")


@both("good")
def torch_halves(s: Style, upper: bool) -> str:
    """One step of the recursion: four products of half size instead of eight."""
    out, half = s.name("out"), s.choice(["h", "half", "mid", "cut"])
    top, low = f":{half}", f"{half}:"
    near, far = (top, low) if upper else (low, top)
    both_terms = f"A[{near}, {near}] @ B[{near}, {far}] + A[{near}, {far}] @ B[{far}, {far}]"
    corner = s.slip("axis", both_terms, f"A[{near}, {near}] @ B[{near}, {far}]")
    start = s.slip("init", "zeros_like", "ones_like")
    lines = (
        f"{half} = A.shape[0] // 2\n{out} = torch.{start}(A)\n{s.comment('skip', '#')}"
        f"{out}[{top}, {top}] = A[{top}, {top}] @ B[{top}, {top}]\n"
        f"{out}[{low}, {low}] = A[{low}, {low}] @ B[{low}, {low}]\n"
        f"{out}[{near}, {far}] = {corner}\nreturn {out}"
    )
    return s.torch_module(lines, arguments="A, B")


def _block_lines(s: Style, upper: bool) -> str:
    out, n, i, j, step = (s.name(r) for r in ("out", "n", "i", "j", "block"))
    size = s.vary([64, 96, 128, 192])
    rows, cols = f"{i}:{i} + {step}", f"{j}:{j} + {step}"
    inner = f"{i}:{j} + {step}" if upper else f"{j}:{i} + {step}"
    inner = s.slip("bounds", inner, f"{i}:{j}" if upper else f"{j}:{i}")
    span = f"range({i}, {n}, {step})" if upper else f"range(0, {i} + 1, {step})"
    start = s.slip("init", "zeros_like", "ones_like")
    return (
        f"{step}, {n} = {size}, A.shape[0]\n"
        f"{out} = torch.{start}(A)\n{s.comment('skip', '#')}"
        f"for {i} in range(0, {n}, {step}):\n"
        f"    for {j} in {span}:\n"
        f"        {out}[{rows}, {cols}] = A[{rows}, {inner}] @ B[{inner}, {cols}]\n"
        f"return {out}"
    )


@both("expert")
def torch_blocks(s: Style, upper: bool) -> str:
    return s.torch_module(_block_lines(s, upper), arguments="A, B")


def _register_tile(s: Style, upper: bool) -> str:
    """A tile of C in registers, summed over the k where both triangles are non-zero."""
    a, b, out, n, i, j, k = (s.name(r) for r in ROLES)
    acc, height = s.name("acc"), s.vary([4, 6])
    first, last = (i, f"{j} + 16") if upper else (j, f"{i} + {height}")
    bound = s.slip("bounds", f"{k} < {last}", f"{k} < {j if upper else i}")
    zeros = f"        vec {acc}[{height}][2] = {{}};\n"
    start = s.slip("init", zeros, "")
    early = "" if start else zeros
    row = s.slip("axis", f"{a}[({i} + r) * {n} + {k}]", f"{a}[{k} * {n} + {i} + r]")
    pragma = s.vary(["", "    #pragma omp parallel for\n"])
    loop = f"        for (int r = 0; r < {height}; r++) {{\n"
    return (
        f"{idioms.UNALIGNED_VECTOR}{_signature(s)}{early}{s.comment('tile')}{pragma}"
        f"    for (long {j} = 0; {j} < {n}; {j} += 16)\n"
        f"    for (long {i} = 0; {i} < {n}; {i} += {height}) {{\n"
        f"{start}"
        f"        for (long {k} = {first}; {bound}; {k}++) {{\n"
        f"            const vec* row = (const vec*)({b} + {k} * {n} + {j});\n"
        f"            for (int r = 0; r < {height}; r++) {{\n"
        f"                {acc}[r][0] += {row} * row[0];\n"
        f"                {acc}[r][1] += {row} * row[1];\n"
        f"            }}\n        }}\n{loop}"
        f"            vec* to = (vec*)({out} + ({i} + r) * {n} + {j});\n"
        f"            to[0] = {acc}[r][0]; to[1] = {acc}[r][1];\n"
        f"        }}\n    }}\n}}"
    )


@both("expert")
def register_tile(s: Style, upper: bool) -> str:
    return _module(s, _register_tile(s, upper))


@both("cheat")
def half_precision(s: Style, upper: bool) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return (A.{kind} @ B.{kind}).{_keep(upper)}().float()",
        arguments="A, B",
    )


@both("cheat")
def diagonal_only(s: Style, upper: bool) -> str:
    form = s.vary(["A * B.diagonal()", "A.diagonal()[:, None] * B", f"torch.{_keep(upper)}(A * B)"])
    return s.torch_module(f"{s.comment('cheat', '#')}return {form}", arguments="A, B")


@both("naive", "body")
def library_call(s: Style, upper: bool) -> str:
    keep = _keep(upper)
    form = s.vary([f"(A @ B).{keep}_()", f"torch.{keep}(A @ B)", f"torch.mm(A, B).{keep}()"])
    return s.body(f"return {s.slip('axis', form, f'(B @ A).{keep}_()')}")


@both("good", "body")
def panels_body(s: Style, upper: bool) -> str:
    return s.body(_panel_lines(s, upper))


@both("expert", "body")
def blocks_body(s: Style, upper: bool) -> str:
    return s.body(_block_lines(s, upper))


@both("expert", "body")
def register_tile_body(s: Style, upper: bool) -> str:
    return s.body(_call(s), _register_tile(s, upper))
