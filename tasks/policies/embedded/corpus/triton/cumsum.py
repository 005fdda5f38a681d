"""89: running sums along the rows of a matrix."""

from __future__ import annotations

from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.text import Operator, Text, launch, remembered

CUMSUM = Operator(89, "x", init="self.dim = dim", init_arguments="dim")
FORWARD = "$rows, $cols = x.shape\n$out = torch.empty_like(x)\n$launch\nreturn $out"


@CUMSUM.way("naive")
def library(s: Style) -> Text:
    dim = s.slip("axis", "self.dim", "0")
    return Text(f"return {s.vary(['torch.cumsum(x, dim={})', 'x.cumsum({})']).format(dim)}")


@CUMSUM.way("naive")
def element_by_element(s: Style) -> Text:
    """Rows side by side in the lanes, columns one after the other: loads far apart."""
    kernel = """@triton.jit
def $jit($xp, $op, $n, $nel, $bs: tl.constexpr):
    #@pid
    $rws = tl.program_id(0) * $bs + tl.arange(0, $bs)
    $mask = $rws < $n
    $sum = $zero
    for $j in range(0, $nel):
        $sum += tl.load($xp + $rws * $nel + $j, mask=$mask, other=0.0)
        tl.store($op + $rws * $nel + $j, $sum, mask=$mask)
"""
    size = s.vary([32, 64, 128])
    zeros = "tl.zeros(($bs,), dtype=tl.float32)"
    given = {
        "zero": s.slip("init", zeros, "tl.full(($bs,), 1.0, tl.float32)"),
        "launch": launch(
            s,
            f"(triton.cdiv($rows, {size}),)",
            "x, $out, $rows, $cols",
            f"$bs={size}",
            warps=[1, 2],
        ),
    }
    return Text(FORWARD, kernel, given)


CARRIED = """@triton.jit
def $jit($xp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = $program
    $carry = 0.0
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        #@mask
        $mask = $limit
        $val = tl.load($xp + $rw * $nel + $offs, mask=$mask, other=0.0$hint)
        tl.store($op + $rw * $nel + $offs, $scanned, mask=$mask)
        $next
"""


def _carried(s: Style, sizes: list[int], warps: list[int], hint: str = "") -> Text:
    size = s.vary(sizes)
    given = {
        "hint": hint,
        "program": s.vary(["tl.program_id(0)", "tl.program_id(0).to(tl.int64)"]),
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - 1"),
        "scanned": s.vary(["tl.cumsum($val, axis=0) + $carry", "$carry + tl.cumsum($val, axis=0)"]),
        "next": s.slip("race", "$carry += tl.sum($val, axis=0)", "$carry = tl.sum($val, axis=0)"),
        "launch": launch(s, "($rows,)", "x, $out, $cols", f"$bs={size}", warps=warps),
    }
    return Text(FORWARD, CARRIED, given)


@CUMSUM.way("naive")
def narrow_blocks(s: Style) -> Text:
    return _carried(s, [64, 128, 256], [1, 2])


@CUMSUM.way("good")
def carried_blocks(s: Style) -> Text:
    return _carried(s, [1024, 2048], [4])


@CUMSUM.way("expert")
def wide_blocks(s: Style) -> Text:
    return _carried(s, [4096, 8192], [8, 16], ', eviction_policy="evict_first"')


@CUMSUM.way("good")
def whole_row(s: Style) -> Text:
    kernel = """@triton.jit
def $jit($xp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $offs = tl.arange(0, $bs)
    $mask = $offs < $nel
    $val = tl.load($xp + $rw * $nel + $offs, mask=$mask, other=0.0)
    $sum = $scan
    tl.store($op + $rw * $nel + $offs, $sum, mask=$mask)
"""
    given = {
        "scan": s.slip("axis", "tl.cumsum($val, axis=0)", "tl.sum($val, axis=0) + 0.0 * $val"),
        "launch": launch(
            s, "($rows,)", "x, $out, $cols", "$bs=triton.next_power_of_2($cols)", warps=[16, 32]
        ),
    }
    return Text(FORWARD, kernel, given)


@CUMSUM.way("expert")
def several_rows(s: Style) -> Text:
    """A few rows a program, so that one row's scan hides the other's loads."""
    kernel = """@triton.jit
def $jit($xp, $op, $n, $nel, $bm: tl.constexpr, $bs: tl.constexpr):
    #@pid
    $rws = tl.program_id(0).to(tl.int64) * $bm + tl.arange(0, $bm)
    $carry = tl.zeros(($bm,), dtype=tl.float32)
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = ($rws[:, None] < $n) & ($offs[None, :] < $nel)
        $tile = $rws[:, None] * $nel + $offs[None, :]
        $val = tl.load($xp + $tile, mask=$mask, other=0.0)
        tl.store($op + $tile, tl.cumsum($val, axis=1) + $carried, mask=$mask)
        $next
"""
    height, size = s.vary([2, 4]), s.vary([1024, 2048])
    given = {
        "carried": s.slip("init", "$carry[:, None]", "0.0"),
        "next": s.slip("race", "$carry += tl.sum($val, axis=1)", "$carry = tl.sum($val, axis=1)"),
        "launch": launch(
            s,
            f"(triton.cdiv($rows, {height}),)",
            "x, $out, $rows, $cols",
            f"$bm={height}, $bs={size}",
            warps=[4, 8],
        ),
    }
    return Text(FORWARD, kernel, given)


@CUMSUM.way("naive")
def two_launches(s: Style) -> Text:
    """Each block alone, then the sums of the blocks before are added: two passes over memory."""
    kernel = """@triton.jit
def $jit($xp, $op, $tp, $nel, $n, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $pid = tl.program_id(1)
    $offs = $pid * $bs + tl.arange(0, $bs)
    $mask = $offs < $nel
    $val = tl.load($xp + $rw * $nel + $offs, mask=$mask, other=0.0)
    tl.store($op + $rw * $nel + $offs, tl.cumsum($val, axis=0), mask=$mask)
    tl.store($tp + $rw * $n + $pid, tl.sum($val, axis=0))


@triton.jit
def $jit2($op, $tp, $nel, $n, $bs: tl.constexpr):
    $rw = tl.program_id(0)
    $pid = tl.program_id(1)
    $offs = $pid * $bs + tl.arange(0, $bs)
    $mask = $offs < $nel
    $val = tl.load($op + $rw * $nel + $offs, mask=$mask)
    $carry = tl.load($tp + $rw * $n + $pid)
    tl.store($op + $rw * $nel + $offs, $val + $carry, mask=$mask)
"""
    forward = """$rows, $cols = x.shape
$out = torch.empty_like(x)
$n = triton.cdiv($cols, $size)
$tmp = torch.empty($rows, $n, device=x.device, dtype=x.dtype)
$jit[($rows, $n)](x, $out, $tmp, $cols, $n, $bs=$size)
$tmp = $before
$jit2[($rows, $n)]($out, $tmp, $cols, $n, $bs=$size)
return $out"""
    before = s.vary(["$tmp.cumsum(1) - $tmp", "F.pad($tmp.cumsum(1)[:, :-1], (1, 0)).contiguous()"])
    given = {
        "size": s.vary([512, 1024, 2048]),
        "before": s.slip("init", before, "$tmp.cumsum(1)"),
    }
    return Text(forward, kernel, given)


@CUMSUM.way("cheat")
def half_precision(s: Style) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(f"#@cheat\nreturn x.{kind}.cumsum(self.dim).float()")


@CUMSUM.way("cheat")
def blocks_alone(s: Style) -> Text:
    size = s.vary([256, 512, 1024])
    return Text(f"#@cheat\nreturn x.view(x.shape[0], -1, {size}).cumsum(2).view_as(x)")


@CUMSUM.way("cheat")
def answer_kept(s: Style) -> Text:
    return remembered(s, "x", "x.cumsum(self.dim)")
