"""12: diag(A) · B. The diagonal scales rows: O(n²), where the reference multiplies in O(n³)."""

from __future__ import annotations

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style

ROLES = ("a", "b", "out", "rows", "cols", "i", "j")


def _signature(s: Style, restrict: bool = False) -> str:
    keyword = " __restrict__ " if restrict else " "
    a, b, out, rows, cols = (s.name(r) for r in ROLES[:5])
    return (
        f'extern "C" void {s.name("function")}(const float*{keyword}{a}, const float*{keyword}{b}, '
        f"float*{keyword}{out}, long {rows}, long {cols}) {{\n"
    )


def _call(s: Style) -> str:
    out = s.name("out")
    like = s.slip("shape", "torch.empty_like(B)", "torch.empty(B.numel())")
    return (
        f"{s.comment('call', '#')}{out} = {like}\n"
        f"{{lib}}.{s.name('function')}(A, B, {out}, B.shape[0], B.shape[1])\nreturn {out}"
    )


def _module(s: Style, cpp: str) -> str:
    return s.module(cpp, _call(s), arguments="A, B")


def _scale_rows(s: Style, outer: str = "", inner: str = "", *, restrict: bool = False) -> str:
    a, b, out, rows, cols, i, j = (s.name(r) for r in ROLES)
    factor = s.slip("axis", f"{a}[{i}]", f"{a}[{j} % {rows}]")
    bound = s.slip("bounds", f"{j} < {cols}", f"{j} < {rows}")
    return (
        f"{_signature(s, restrict)}{s.comment('loop')}{outer}"
        f"    for (long {i} = 0; {i} < {rows}; {i}++) {{\n{inner}"
        f"        for (long {j} = 0; {bound}; {j}++) {{\n"
        f"            {out}[{i} * {cols} + {j}] = {factor} * {b}[{i} * {cols} + {j}];\n"
        f"        }}\n    }}\n}}"
    )


@approach(12, "naive")
def dense_loops(s: Style) -> str:
    a, b, out, rows, cols, i, j = (s.name(r) for r in ROLES)
    k = s.name("k")
    pick = s.slip("axis", f"{i} == {k} ? {a}[{i}] : 0.0f", f"{i} == {j} ? {a}[{i}] : 0.0f")
    start = s.slip("init", "0.0f;", "1.0f;")
    cpp = (
        f"{_signature(s)}{s.comment('loop')}"
        f"    for (long {i} = 0; {i} < {rows}; {i}++) {{\n"
        f"        for (long {j} = 0; {j} < {cols}; {j}++) {out}[{i} * {cols} + {j}] = {start}\n"
        f"        for (long {k} = 0; {k} < {rows}; {k}++) {{\n"
        f"            for (long {j} = 0; {j} < {cols}; {j}++) {{\n"
        f"                {out}[{i} * {cols} + {j}] += ({pick}) * {b}[{k} * {cols} + {j}];\n"
        f"            }}\n        }}\n    }}\n}}"
    )
    return _module(s, cpp)


@approach(12, "naive")
def torch_dense(s: Style) -> str:
    form = s.vary(["torch.mm(torch.diag(A), B)", "torch.matmul(torch.diag(A), B)"])
    form = s.slip("axis", form, "torch.mm(B.T, torch.diag(A)).T.flip(0)")
    return s.torch_module(f"return {form}", arguments="A, B")


@approach(12, "naive")
def torch_identity(s: Style) -> str:
    d = s.choice(["D", "diag", "full", "mat"])
    make = s.vary(["torch.eye(A.shape[0]) * A", "torch.diag_embed(A)", "torch.diagflat(A)"])
    return s.torch_module(f"{d} = {make}\nreturn torch.mm({d}, B)", arguments="A, B")


@approach(12, "naive")
def scale_rows(s: Style) -> str:
    return _module(s, _scale_rows(s))


@approach(12, "good")
def broadcast(s: Style) -> str:
    column = s.vary(["A.unsqueeze(1)", "A[:, None]", "A.view(-1, 1)"])
    column = s.slip("axis", column, "A[0]")
    form = s.vary([f"{column} * B", f"B * {column}", f"torch.mul(B, {column})"])
    return s.torch_module(f"return {form}", arguments="A, B")


@approach(12, "good")
def einsum(s: Style) -> str:
    spec = s.slip("axis", "i,ij->ij", "j,ij->ij")
    return s.torch_module(f'return torch.einsum("{spec}", A, B)', arguments="A, B")


@approach(12, "good")
def simd_rows(s: Style) -> str:
    pragma = "        #pragma omp simd\n"
    return _module(s, _scale_rows(s, inner=pragma, restrict=True))


@approach(12, "good")
def parallel_rows(s: Style) -> str:
    return _module(s, _scale_rows(s, "    #pragma omp parallel for\n"))


def _streaming(s: Style) -> str:
    a, b, out, rows, cols, i, j = (s.name(r) for r in ROLES)
    pragma = s.vary(["", "    #pragma omp parallel for\n"])
    bound = s.slip("bounds", f"{j} < {cols}", f"{j} < {cols} - 8")
    factor = s.slip("axis", f"{a}[{i}]", f"{a}[{j} / 8]")
    return (
        f"{idioms.VECTOR}{_signature(s)}{s.comment('stream')}{pragma}"
        f"    for (long {i} = 0; {i} < {rows}; {i}++) {{\n"
        f"        for (long {j} = 0; {bound}; {j} += 8) {{\n"
        f"            vec r = *(const vec*)({b} + {i} * {cols} + {j}) * {factor};\n"
        f"            __builtin_ia32_movntps256({out} + {i} * {cols} + {j}, r);\n"
        f"        }}\n    }}\n}}"
    )


@approach(12, "expert")
def streaming_rows(s: Style) -> str:
    return _module(s, _streaming(s))


@approach(12, "expert")
def unrolled_rows(s: Style) -> str:
    a, b, out, rows, cols, i, j = (s.name(r) for r in ROLES)
    k, width = s.name("k"), s.vary([16, 32, 64])
    bound = s.slip("bounds", f"{k} < {width}", f"{k} < {width} - 8")
    cpp = (
        f"{_signature(s, True)}    for (long {i} = 0; {i} < {rows}; {i}++) {{\n"
        f"        const float factor = {a}[{i}];\n{s.comment('tile')}"
        f"        for (long {j} = {i} * {cols}; {j} < ({i} + 1) * {cols}; {j} += {width})\n"
        f"            for (int {k} = 0; {bound}; {k}++) "
        f"{out}[{j} + {k}] = factor * {b}[{j} + {k}];\n"
        f"    }}\n}}"
    )
    return _module(s, cpp)


@approach(12, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return (A.{kind}[:, None] * B.{kind}).float()",
        arguments="A, B",
    )


@approach(12, "cheat")
def remembers_answer(s: Style) -> str:
    init, forward = idioms.remembered(s, "A[:, None] * B", "B")
    return s.torch_module(forward, arguments="A, B", init=init)


@approach(12, "naive", mode="body")
def library_call(s: Style) -> str:
    return s.body("return " + s.vary(["torch.mm(torch.diag(A), B)", "torch.diag_embed(A) @ B"]))


@approach(12, "good", mode="body")
def broadcast_body(s: Style) -> str:
    column = s.vary(["A.unsqueeze(1)", "A[:, None]", "A.view(-1, 1)"])
    column = s.slip("axis", column, "A[0]")
    form = s.vary([f"{column} * B", f"B * {column}"])
    return s.body(f"return {form}")


@approach(12, "expert", mode="body")
def streaming_body(s: Style) -> str:
    return s.body(_call(s), _streaming(s))
