"""4: a matrix times a column. Bound by memory: what counts is how many rows are read at a time."""

from __future__ import annotations

from tasks.policies.embedded.corpus import idioms
from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style

ROLES = ("a", "b", "out", "rows", "cols", "i", "j", "acc")


def _signature(s: Style, restrict: bool = False) -> str:
    keyword = " __restrict__ " if restrict else " "
    a, b, out, rows, cols = (s.name(r) for r in ROLES[:5])
    return (
        f'extern "C" void {s.name("function")}(const float*{keyword}{a}, const float*{keyword}{b}, '
        f"float*{keyword}{out}, long {rows}, long {cols}) {{\n"
    )


def _call(s: Style) -> str:
    out = s.name("out")
    shape = s.slip("shape", "A.shape[0], 1", "1, A.shape[0]")
    return (
        f"{s.comment('call', '#')}{out} = torch.empty({shape})\n"
        f"{{lib}}.{s.name('function')}(A, B, {out}, A.shape[0], A.shape[1])\nreturn {out}"
    )


def _dot_rows(s: Style, outer: str = "", inner: str = "", *, restrict: bool = False) -> str:
    a, b, out, rows, cols, i, j, acc = (s.name(r) for r in ROLES)
    index = s.slip("axis", f"{i} * {cols} + {j}", f"{j} * {cols} + {i}")
    zero = f"        float {acc} = 0.0f;\n"
    start = s.slip("init", zero, "")
    early = "" if start else zero
    bound = s.slip("bounds", f"{j} < {cols}", f"{j} < {cols} - 1")
    return (
        f"{_signature(s, restrict)}{early}{s.comment('loop')}{outer}"
        f"    for (long {i} = 0; {i} < {rows}; {i}++) {{\n"
        f"{start}{inner}"
        f"        for (long {j} = 0; {bound}; {j}++) {acc} += {a}[{index}] * {b}[{j}];\n"
        f"        {out}[{i}] = {acc};\n    }}\n}}"
    )


def _module(s: Style, cpp: str) -> str:
    return s.module(cpp, _call(s), arguments="A, B")


@approach(4, "naive")
def dot_rows(s: Style) -> str:
    return _module(s, _dot_rows(s))


@approach(4, "naive")
def torch_vector(s: Style) -> str:
    form = s.vary(
        [
            "torch.mv(A, B.squeeze(1)).unsqueeze(1)",
            "torch.mv(A, B.view(-1)).unsqueeze(1)",
            "A @ B",
            "torch.mm(A, B)",
        ]
    )
    form = s.slip("shape", form, "torch.mv(A, B.squeeze(1))")
    return s.torch_module(f"return {form}", arguments="A, B")


@approach(4, "naive")
def torch_sum(s: Style) -> str:
    axis = s.slip("axis", "dim=1", "dim=0")
    row = s.vary(["B.T", "B.view(1, -1)", "B.view(-1)"])
    return s.torch_module(f"return (A * {row}).sum({axis}, keepdim=True)", arguments="A, B")


@approach(4, "good")
def simd_reduction(s: Style) -> str:
    reduction = f"        #pragma omp simd reduction(+:{s.name('acc')})\n"
    return _module(s, _dot_rows(s, inner=reduction, restrict=s.vary([False, True])))


@approach(4, "good")
def parallel_rows(s: Style) -> str:
    acc = s.name("acc")
    reduction = s.slip("race", f"reduction(+:{acc})", f"private({acc})")
    return _module(
        s, _dot_rows(s, "    #pragma omp parallel for\n", f"        #pragma omp simd {reduction}\n")
    )


@approach(4, "good")
def lanes(s: Style) -> str:
    a, b, out, rows, cols, i, j, acc = (s.name(r) for r in ROLES)
    k, width = s.name("k"), s.vary([8, 16, 32, 64])
    zeros = f"        float {acc}[{width}] = {{}};\n"
    start = s.slip("init", zeros, "")
    early = "" if start else zeros
    stop = s.slip("bounds", f"{k} < {width}", f"{k} < {width} - 1")
    cpp = (
        f"{_signature(s)}{early}    for (long {i} = 0; {i} < {rows}; {i}++) {{\n"
        f"{start}        float dot = 0.0f;\n{s.comment('loop')}"
        f"        for (long {j} = 0; {j} < {cols}; {j} += {width})\n"
        f"            for (int {k} = 0; {stop}; {k}++)\n"
        f"                {acc}[{k}] += {a}[{i} * {cols} + {j} + {k}] * {b}[{j} + {k}];\n"
        f"        for (int {k} = 0; {k} < {width}; {k}++) dot += {acc}[{k}];\n"
        f"        {out}[{i}] = dot;\n    }}\n}}"
    )
    return _module(s, cpp)


def _row_group(s: Style) -> str:
    a, b, out, rows, cols, i, j, acc = (s.name(r) for r in ROLES)
    k, height = s.name("k"), s.vary([4, 8])
    row = s.slip("axis", f"({i} + {k}) * {cols} + {j}", f"{i} * {cols} + {j}")
    zeros = f"        vec {acc}[{height}] = {{}};\n"
    start = s.slip("init", zeros, "")
    early = "" if start else zeros
    pragma = s.vary(["", "    #pragma omp parallel for\n"])
    return (
        f"{idioms.VECTOR}{_signature(s)}{early}{s.comment('tile')}{pragma}"
        f"    for (long {i} = 0; {i} < {rows}; {i} += {height}) {{\n"
        f"{start}"
        f"        for (long {j} = 0; {j} < {cols}; {j} += 8)\n"
        f"            for (int {k} = 0; {k} < {height}; {k}++)\n"
        f"                {acc}[{k}] += *(const vec*)({a} + {row}) * *(const vec*)({b} + {j});\n"
        f"        for (int {k} = 0; {k} < {height}; {k}++) {{\n"
        f"            float dot = 0.0f;\n"
        f"            for (int lane = 0; lane < 8; lane++) dot += {acc}[{k}][lane];\n"
        f"            {out}[{i} + {k}] = dot;\n        }}\n    }}\n}}"
    )


@approach(4, "expert")
def row_group(s: Style) -> str:
    return _module(s, _row_group(s))


@approach(4, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["half()", "bfloat16()"])
    return s.torch_module(
        f"{s.comment('cheat', '#')}return (A.{kind} @ B.{kind}).float()", arguments="A, B"
    )


@approach(4, "cheat")
def half_of_columns(s: Style) -> str:
    half = s.name("n")
    return s.torch_module(
        f"{s.comment('cheat', '#')}{half} = A.shape[1] // 2\n"
        f"return 2 * (A[:, :{half}] @ B[:{half}])",
        arguments="A, B",
    )


@approach(4, "naive", mode="body")
def library_call(s: Style) -> str:
    return s.body("return " + s.vary(["A @ B", "torch.mm(A, B)", "torch.matmul(A, B)"]))


@approach(4, "good", mode="body")
def vector_product(s: Style) -> str:
    back = s.slip("shape", "unsqueeze(1)", "unsqueeze(0)")
    return s.body(f"return torch.mv(A, {s.vary(['B.squeeze(1)', 'B.view(-1)'])}).{back}")


@approach(4, "expert", mode="body")
def row_group_body(s: Style) -> str:
    return s.body(_call(s), _row_group(s))
