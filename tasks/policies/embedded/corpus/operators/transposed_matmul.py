"""18: Aᵀ · Bᵀ. The library is near the machine's peak here: honest work stays at or below par."""

from __future__ import annotations

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style

ROLES = ("a", "b", "out", "rows", "cols", "n", "i", "j", "k")
"""A is (depth, rows), B is (cols, depth); `n` names the depth."""


def _signature(s: Style, restrict: bool = False) -> str:
    keyword = " __restrict__ " if restrict else " "
    a, b, out, rows, cols, n = (s.name(r) for r in ROLES[:6])
    return (
        f'extern "C" void {s.name("function")}(const float*{keyword}{a}, const float*{keyword}{b}, '
        f"float*{keyword}{out}, long {rows}, long {cols}, long {n}) {{\n"
    )


def _call(s: Style, *, flipped: bool) -> str:
    """Calls the library; `flipped` computes (B · A), which is the answer's transpose."""
    out = s.name("out")
    shape = "B.shape[0], A.shape[1]" if flipped else "A.shape[1], B.shape[0]"
    back = s.slip("shape", f"{out}.T", out) if flipped else out
    return (
        f"{s.comment('call', '#')}{out} = torch.empty({shape})\n"
        f"{{lib}}.{s.name('function')}(A, B, {out}, A.shape[1], B.shape[0], A.shape[0])\n"
        f"return {back}"
    )


def _module(s: Style, cpp: str, *, flipped: bool = True) -> str:
    return s.module(cpp, _call(s, flipped=flipped), arguments="A, B")


@approach(18, "naive")
def torch_flipped(s: Style) -> str:
    back = s.slip("shape", ".T", "")
    form = s.vary([f"(B @ A){back}", f"torch.mm(B, A){back}", f"torch.matmul(B, A){back}"])
    return s.torch_module(f"return {form}", arguments="A, B")


@approach(18, "naive")
def torch_einsum(s: Style) -> str:
    spec = s.slip("axis", "km,nk->mn", "km,nk->nm")
    return s.torch_module(f'return torch.einsum("{spec}", A, B)', arguments="A, B")


@approach(18, "naive")
def torch_copies(s: Style) -> str:
    a, b = s.choice([("At", "Bt"), ("a_t", "b_t"), ("left", "right"), ("P", "Q")])
    how = s.vary([".T.contiguous()", ".t().contiguous()", ".transpose(0, 1).contiguous()"])
    return s.torch_module(
        f"{a} = A{how}\n{b} = B{how}\nreturn {s.slip('axis', f'{a} @ {b}', f'{b} @ {a}')}",
        arguments="A, B",
    )


@approach(18, "naive")
def row_updates(s: Style) -> str:
    a, b, out, rows, cols, n, i, j, k = (s.name(r) for r in ROLES)
    start = s.slip("init", "0.0f", "1.0f")
    index = s.slip("axis", f"{b}[{j} * {n} + {k}]", f"{b}[{k} * {cols} + {j}]")
    bound = s.slip("bounds", f"{k} < {n}", f"{k} < {n} - 1")
    cpp = (
        f"{_signature(s)}{s.comment('loop')}"
        f"    for (long {j} = 0; {j} < {cols}; {j}++) {{\n"
        f"        for (long {i} = 0; {i} < {rows}; {i}++) {out}[{j} * {rows} + {i}] = {start};\n"
        f"        for (long {k} = 0; {bound}; {k}++) {{\n"
        f"            for (long {i} = 0; {i} < {rows}; {i}++) {{\n"
        f"                {out}[{j} * {rows} + {i}] += {index} * {a}[{k} * {rows} + {i}];\n"
        f"            }}\n        }}\n    }}\n}}"
    )
    return _module(s, cpp)


@approach(18, "good")
def simd_row_updates(s: Style) -> str:
    """Four values of k at a time: the row of C is read and written a quarter as often."""
    a, b, out, rows, cols, n, i, j, k = (s.name(r) for r in ROLES)
    start = s.slip("init", "0.0f", "1.0f")
    at = f"{a}[{k} * {rows} + {i}]"
    terms = " + ".join(
        f"w[{q}] * {at}" if q == 0 else f"w[{q}] * {a}[({k} + {q}) * {rows} + {i}]"
        for q in range(4)
    )
    row = s.slip("axis", f"{b} + {j} * {n} + {k}", f"{b} + {k} * {cols} + {j}")
    cpp = (
        f"{_signature(s, True)}{s.comment('threads')}    #pragma omp parallel for\n"
        f"    for (long {j} = 0; {j} < {cols}; {j}++) {{\n"
        f"        for (long {i} = 0; {i} < {rows}; {i}++) {out}[{j} * {rows} + {i}] = {start};\n"
        f"        for (long {k} = 0; {k} < {n}; {k} += 4) {{\n"
        f"            const float* w = {row};\n"
        f"            #pragma omp simd\n"
        f"            for (long {i} = 0; {i} < {rows}; {i}++)\n"
        f"                {out}[{j} * {rows} + {i}] += {terms};\n"
        f"        }}\n    }}\n}}"
    )
    return _module(s, cpp)


@approach(18, "good")
def torch_out(s: Style) -> str:
    out = s.name("out")
    back = s.slip("shape", s.vary([f"{out}.T", f"{out}.t()"]), out)
    return s.torch_module(
        f"{out} = torch.empty(B.shape[0], A.shape[1])\ntorch.mm(B, A, out={out})\nreturn {back}",
        arguments="A, B",
    )


def _register_tile(s: Style) -> str:
    a, b, out, rows, cols, n, i, j, k = (s.name(r) for r in ROLES)
    acc, height = s.name("acc"), s.vary([4, 8])
    zeros = f"        vec {acc}[{height}][2] = {{}};\n"
    start = s.slip("init", zeros, "")
    early = "" if start else zeros
    value = s.slip("axis", f"{b}[({j} + r) * {n} + {k}]", f"{b}[{k} * {cols} + {j} + r]")
    bound = s.slip("bounds", f"{k} < {n}", f"{k} < {n} - 1")
    pragma = s.vary(["", "    #pragma omp parallel for\n"])
    return (
        f"{idioms.UNALIGNED_VECTOR}{_signature(s)}{early}{s.comment('tile')}{pragma}"
        f"    for (long {i} = 0; {i} < {rows}; {i} += 16)\n"
        f"    for (long {j} = 0; {j} < {cols}; {j} += {height}) {{\n"
        f"{start}"
        f"        for (long {k} = 0; {bound}; {k}++) {{\n"
        f"            const vec* row = (const vec*)({a} + {k} * {rows} + {i});\n"
        f"            for (int r = 0; r < {height}; r++) {{\n"
        f"                {acc}[r][0] += {value} * row[0];\n"
        f"                {acc}[r][1] += {value} * row[1];\n"
        f"            }}\n        }}\n"
        f"        for (int r = 0; r < {height}; r++) {{\n"
        f"            vec* to = (vec*)({out} + ({j} + r) * {rows} + {i});\n"
        f"            to[0] = {acc}[r][0]; to[1] = {acc}[r][1];\n"
        f"        }}\n    }}\n}}"
    )


@approach(18, "expert")
def register_tile(s: Style) -> str:
    return _module(s, _register_tile(s))


@approach(18, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return (B.{kind} @ A.{kind}).T.float()", arguments="A, B"
    )


@approach(18, "cheat")
def remembers_answer(s: Style) -> str:
    init, forward = idioms.remembered(s, "(B @ A).T", "A")
    return s.torch_module(forward, arguments="A, B", init=init)


@approach(18, "naive", mode="body")
def library_call(s: Style) -> str:
    return s.body("return " + s.vary(["A.T @ B.T", "torch.mm(A.t(), B.t())", "torch.mm(A.T, B.T)"]))


@approach(18, "good", mode="body")
def flipped_body(s: Style) -> str:
    back = s.slip("shape", ".T", "")
    return s.body(f"return {s.vary(['(B @ A)', 'torch.mm(B, A)', 'torch.matmul(B, A)'])}{back}")


@approach(18, "expert", mode="body")
def register_tile_body(s: Style) -> str:
    return s.body(_call(s, flipped=True), _register_tile(s))
