"""12: diag(A) · B is a scaling of rows; the whole diagonal matrix is superfluous work."""

from __future__ import annotations

from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.text import Operator, Text, launch, remembered

DIAGONAL = Operator(12, "A, B")
FORWARD = "$rows, $cols = B.shape\n$out = torch.empty_like(B)\n$launch\nreturn $out"


@DIAGONAL.way("naive")
def whole_matrix(s: Style) -> Text:
    forms = ["torch.diag(A) @ B", "torch.matmul(torch.diag(A), B)", "A.diag() @ B"]
    return Text(f"return {s.slip('axis', s.vary(forms), 'B * A')}")


@DIAGONAL.way("good")
def torch_broadcast(s: Style) -> Text:
    forms = [
        "A.unsqueeze(1) * B",
        "A[:, None] * B",
        "B * A.view(-1, 1)",
        "(B.T * A).T.contiguous()",
    ]
    return Text(f"return {s.slip('axis', s.vary(forms), 'A[None, :] * B')}")


@DIAGONAL.way("naive")
def row_loop(s: Style) -> Text:
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $fac = tl.load($ap + $rw)
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = $limit
        $val = tl.load($bp + $rw * $nel + $offs, mask=$mask)
        tl.store($op + $rw * $nel + $offs, $fac * $val, mask=$mask)
"""
    given = {
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - 1"),
        "launch": launch(
            s, "($rows,)", "A, B, $out, $cols", f"$bs={s.vary([64, 128, 256])}", warps=[1, 2]
        ),
    }
    return Text(FORWARD, kernel, given)


@DIAGONAL.way("naive")
def masked_product(s: Style) -> Text:
    """The product of matrices after all, with a diagonal tile made in registers."""
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $n, $nel, $bm: tl.constexpr, $bn: tl.constexpr):
    $rws = tl.program_id(0) * $bm + tl.arange(0, $bm)
    $cls = tl.program_id(1) * $bn + tl.arange(0, $bn)
    $mask = ($rws[:, None] < $n) & ($cls[None, :] < $nel)
    $dep = tl.arange(0, $bm)
    $fac = tl.load($ap + $rws, mask=$rws < $n, other=0.0)
    $left = tl.where($dep[:, None] == $dep[None, :], $fac[:, None], 0.0)
    $right = tl.load($bp + $rws[:, None] * $nel + $cls[None, :], mask=$mask, other=0.0)
    #@dot
    $sum = tl.dot($left, $right$precision)
    tl.store($op + $rws[:, None] * $nel + $cls[None, :], $sum, mask=$mask)
"""
    height, width = s.vary([16, 32, 64]), s.vary([32, 64, 128])
    given = {
        "precision": s.slip("precision", ', input_precision="ieee"', ""),
        "launch": launch(
            s,
            f"(triton.cdiv($rows, {height}), triton.cdiv($cols, {width}))",
            "A, B, $out, $rows, $cols",
            f"$bm={height}, $bn={width}",
        ),
    }
    return Text(FORWARD, kernel, given)


@DIAGONAL.way("good")
def row_blocks(s: Style) -> Text:
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $offs = tl.program_id(1) * $bs + tl.arange(0, $bs)
    #@mask
    $mask = $limit
    $fac = tl.load($ap + $rw)
    $val = tl.load($bp + $rw * $nel + $offs, mask=$mask)
    tl.store($op + $rw * $nel + $offs, $val * $fac, mask=$mask)
"""
    size = s.vary([512, 1024, 2048])
    given = {
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - 1"),
        "launch": launch(
            s, f"($rows, triton.cdiv($cols, {size}))", "A, B, $out, $cols", f"$bs={size}"
        ),
    }
    return Text(FORWARD, kernel, given)


@DIAGONAL.way("good")
def flat_elements(s: Style) -> Text:
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $nel, $n, $bs: tl.constexpr):
    #@pid
    $offs = tl.program_id(0) * $bs + tl.arange(0, $bs)
    $mask = $offs < $nel
    $fac = tl.load($ap + $offs $place $n, mask=$mask)
    $val = tl.load($bp + $offs, mask=$mask)
    tl.store($op + $offs, $fac * $val, mask=$mask)
"""
    size = s.vary([1024, 2048, 4096])
    forward = (
        "$cols = B.shape[1]\n$out = torch.empty_like(B)\n$nel = B.numel()\n$launch\nreturn $out"
    )
    given = {
        "place": s.slip("axis", "//", "%"),
        "launch": launch(
            s, f"(triton.cdiv($nel, {size}),)", "A, B, $out, $nel, $cols", f"$bs={size}"
        ),
    }
    return Text(forward, kernel, given)


@DIAGONAL.way("expert")
def tiles(s: Style) -> Text:
    """Several rows a program: the factors are loaded once for a whole tile."""
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $n, $nel, $bm: tl.constexpr, $bn: tl.constexpr):
    #@pid
    $rws = tl.program_id(0) * $bm + tl.arange(0, $bm)
    $cls = tl.program_id(1) * $bn + tl.arange(0, $bn)
    $mask = ($rws[:, None] < $n) & ($cls[None, :] < $nel)
    $offs = $rws[:, None] * $nel + $cls[None, :]
    $fac = tl.load($ap + $rws, mask=$rws < $n)
    $val = tl.load($bp + $offs, mask=$mask$hint)
    tl.store($op + $offs, $val * $spread, mask=$mask)
"""
    height, width = s.vary([2, 4, 8]), s.vary([512, 1024])
    given = {
        "hint": s.vary(["", ', eviction_policy="evict_first"']),
        "spread": s.slip("axis", "$fac[:, None]", "tl.sum($fac)"),
        "launch": launch(
            s,
            f"(triton.cdiv($rows, {height}), triton.cdiv($cols, {width}))",
            "A, B, $out, $rows, $cols",
            f"$bm={height}, $bn={width}",
            warps=[4, 8],
        ),
    }
    return Text(FORWARD, kernel, given)


@DIAGONAL.way("expert")
def wide_rows(s: Style) -> Text:
    """A whole row in one go."""
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $offs = tl.arange(0, $bs)
    $mask = $limit
    $fac = tl.load($ap + $rw)
    $val = tl.load($bp + $rw * $nel + $offs, mask=$mask, eviction_policy="evict_first")
    tl.store($op + $rw * $nel + $offs, $val * $fac, mask=$mask)
"""
    given = {
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - 1"),
        "launch": launch(
            s, "($rows,)", "A, B, $out, $cols", "$bs=triton.next_power_of_2($cols)", warps=[8, 16]
        ),
    }
    return Text(FORWARD, kernel, given)


@DIAGONAL.way("cheat")
def half_precision(s: Style) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(f"#@cheat\nreturn (A.{kind}[:, None] * B.{kind}).float()")


@DIAGONAL.way("cheat")
def mean_factor(s: Style) -> Text:
    return Text(f"#@cheat\nreturn B * A{s.vary(['.mean()', '[0]', '.median()'])}")


@DIAGONAL.way("cheat")
def answer_kept(s: Style) -> Text:
    return remembered(s, "B", "A[:, None] * B")
