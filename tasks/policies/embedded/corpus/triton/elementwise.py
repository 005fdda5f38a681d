"""5, 28, 29, 30, 32: one element after the other. Bound by memory, so few ways lose much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.policies.embedded.corpus.approach import Quality
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.text import (
    Operator,
    Text,
    TextWriter,
    bound,
    launch,
    remembered,
)


@dataclass(frozen=True)
class Elementwise:
    """One of the five. In the expressions `$val` is the element, `$sc` a scalar argument."""

    operator: Operator
    forms: tuple[str, ...]
    wrong: str
    """What somebody writes who slips."""
    first: str
    """Of two passes: what the first one leaves, from `$val`."""
    second: str
    """What the second one makes of it (`$val2`) and of `$val`."""
    torch: tuple[str, ...]
    half: str
    """In torch, on `h`, the input in half precision."""
    scalar: bool = False

    @property
    def tensor(self) -> str:
        return self.operator.arguments.split(",")[0]

    def expression(self, s: Style) -> str:
        return s.slip("init", s.vary(self.forms), self.wrong)

    def given(self, s: Style, **more: object) -> dict[str, object]:
        """What every kernel below needs: its scalar, if any, its bound, its formula."""
        return {
            "formula": more.pop("formula", None) or self.expression(s),
            **more,
            "extra": ", $sc" if self.scalar else "",
            "passed": ", s" if self.scalar else "",
            "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - 1"),
            "tensor": self.tensor,
        }


SIGMOID = Elementwise(
    Operator(28, "x"),
    (
        "tl.minimum(tl.maximum($val / 6.0 + 0.5, 0.0), 1.0)",
        "tl.minimum(tl.maximum($val + 3.0, 0.0), 6.0) / 6.0",
        "tl.where($val <= -3.0, 0.0, tl.where($val >= 3.0, 1.0, $val / 6.0 + 0.5))",
        "tl.clamp($val / 6.0 + 0.5, 0.0, 1.0)",
    ),
    "tl.minimum(tl.maximum($val / 6.0, 0.0), 1.0)",
    "$val / 6.0 + 0.5",
    "tl.minimum(tl.maximum($val2, 0.0), 1.0)",
    ("F.hardsigmoid(x)", "torch.clamp(x / 6 + 0.5, 0, 1)", "(x + 3).clamp(0, 6) / 6"),
    "(h / 6 + 0.5).clamp(0, 1)",
)
# log(1 + e) loses what 1 + e rounds away; below 0.02 the series is nearer.
SOFTPLUS = Elementwise(
    Operator(29, "x"),
    (
        "tl.where($val > 20.0, $val, tl.where($val < -4.0, tl.exp($val) * (1.0 - tl.exp($val) * "
        "(0.5 - tl.exp($val) / 3.0)), tl.log(1.0 + tl.exp(tl.minimum($val, 20.0)))))",
        "tl.maximum($val, 0.0) + tl.where(tl.abs($val) > 4.0, tl.exp(-tl.abs($val)) * (1.0 - "
        "tl.exp(-tl.abs($val)) * (0.5 - tl.exp(-tl.abs($val)) / 3.0)), "
        "tl.log(1.0 + tl.exp(-tl.abs($val))))",
    ),
    "tl.log(1.0 + tl.exp($val))",
    "tl.exp(-tl.abs($val))",
    "tl.maximum($val, 0.0) + tl.where($val2 < 0.02, $val2 * (1.0 - $val2 * (0.5 - $val2 / 3.0)), "
    "tl.log(1.0 + $val2))",
    ("F.softplus(x)", "x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))"),
    "F.softplus(h)",
)
SOFTSIGN = Elementwise(
    Operator(30, "x"),
    ("$val / (1.0 + tl.abs($val))", "$val / (tl.abs($val) + 1.0)"),
    "$val / (1.0 + $val)",
    "1.0 + tl.abs($val)",
    "$val / $val2",
    ("x / (1 + x.abs())", "F.softsign(x)", "torch.div(x, x.abs() + 1)"),
    "h / (1 + h.abs())",
)
TANH = Elementwise(
    Operator(32, "x"),
    (
        "tl.minimum(tl.maximum($val, -1.0), 1.0)",
        "tl.where($val > 1.0, 1.0, tl.where($val < -1.0, -1.0, $val))",
        "tl.clamp($val, -1.0, 1.0)",
        "tl.maximum(tl.minimum($val, 1.0), -1.0)",
    ),
    "tl.minimum(tl.maximum($val, 0.0), 1.0)",
    "tl.maximum($val, -1.0)",
    "tl.minimum($val2, 1.0)",
    ("F.hardtanh(x)", "torch.clamp(x, -1, 1)", "x.clamp(min=-1.0, max=1.0)"),
    "h.clamp(-1, 1)",
)
SCALE = Elementwise(
    Operator(5, "A, s"),
    ("$val * $sc", "$sc * $val"),
    "$val + $sc",
    "$val + 0.0",
    "$val2 * $sc",
    ("A * s", "torch.mul(A, s)", "s * A"),
    "h * s",
    scalar=True,
)
ALL = (SIGMOID, SOFTPLUS, SOFTSIGN, TANH, SCALE)

HEAD = "@triton.jit\ndef $jit($xp, $op, $nel$extra, $bs: tl.constexpr):\n"
FLAT = (
    HEAD
    + """    #@pid
    $pid = $program
    $offs = $pid * $bs + tl.arange(0, $bs)
    #@mask
    $mask = $limit
    $val = tl.load($xp + $offs, mask=$mask$hint)
    tl.store($op + $offs, $formula, mask=$mask)
"""
)
FORWARD = "$out = torch.empty_like($tensor)\n$nel = $tensor.numel()\n$launch\nreturn $out"


def _flat(s: Style, one: Elementwise, sizes: list[int], hint: str, warps: list[int]) -> Text:
    size = s.vary(sizes)
    given = one.given(s) | {
        "hint": hint,
        "program": s.vary(["tl.program_id(0)", "tl.program_id(axis=0)"]),
        "launch": launch(
            s,
            f"(triton.cdiv($nel, {size}),)",
            "$tensor, $out, $nel$passed",
            f"$bs={size}",
            warps=warps,
        ),
    }
    return Text(FORWARD, FLAT, given)


def flat_blocks(s: Style, one: Elementwise) -> Text:
    return _flat(s, one, [256, 512, 1024], "", [4])


def wide_blocks(s: Style, one: Elementwise) -> Text:
    hint = s.vary(["", ', eviction_policy="evict_first"'])
    return _flat(s, one, [2048, 4096, 8192], hint, [8, 16])


def tiny_blocks(s: Style, one: Elementwise) -> Text:
    return _flat(s, one, [32, 64, 128], "", [1, 2])


def lambda_grid(s: Style, one: Elementwise) -> Text:
    size = s.vary([256, 512, 1024, 2048])
    given = one.given(s) | {"hint": "", "program": "tl.program_id(axis=0)", "size": size}
    forward = """$out = torch.empty_like($tensor)
$nel = $out.numel()
$grid = lambda meta: (triton.cdiv($nel, meta["$bs"]),)
$jit[$grid]($tensor, $out, $nel$passed, $bs=$size)
return $out"""
    return Text(forward, FLAT, given)


def row_programs(s: Style, one: Elementwise) -> Text:
    """One program per row, a few columns at a time: too few bytes in flight each."""
    kernel = """@triton.jit
def $jit($xp, $op, $nel$extra, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0).to(tl.int64)
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = $limit
        $val = tl.load($xp + $rw * $nel + $offs, mask=$mask)
        tl.store($op + $rw * $nel + $offs, $formula, mask=$mask)
"""
    forward = "$out = torch.empty_like($tensor)\n$rows, $nel = $tensor.shape\n$launch\nreturn $out"
    size = s.vary([128, 256, 512])
    given = one.given(s) | {
        "launch": launch(s, "($rows,)", "$tensor, $out, $nel$passed", f"$bs={size}", warps=[1, 2])
    }
    return Text(forward, kernel, given)


def two_passes(s: Style, one: Elementwise) -> Text:
    """A kernel per step of the formula: the intermediate goes out to memory and back."""
    kernel = """@triton.jit
def $jit($xp, $tp, $nel, $bs: tl.constexpr):
    $offs = tl.program_id(0) * $bs + tl.arange(0, $bs)
    $mask = $offs < $nel
    $val = tl.load($xp + $offs, mask=$mask)
    tl.store($tp + $offs, $first, mask=$mask)


@triton.jit
def $jit2($xp, $tp, $op, $nel$extra, $bs: tl.constexpr):
    $offs = tl.program_id(0) * $bs + tl.arange(0, $bs)
    $mask = $limit
    $val = tl.load($xp + $offs, mask=$mask)
    $val2 = tl.load($tp + $offs, mask=$mask)
    tl.store($op + $offs, $formula, mask=$mask)
"""
    size = s.vary([256, 512, 1024])
    forward = """$tmp = torch.empty_like($tensor)
$out = torch.empty_like($tensor)
$nel = $tensor.numel()
#@launch
$grid = (triton.cdiv($nel, $size),)
$jit[$grid]($tensor, $tmp, $nel, $bs=$size)
$jit2[$grid]($tensor, $tmp, $out, $nel$passed, $bs=$size)
return $out"""
    given = one.given(s, formula=one.second) | {"first": one.first, "size": size}
    return Text(forward, kernel, given)


def persistent(s: Style, one: Elementwise) -> Text:
    """As many programs as the GPU runs at once; each strides over the blocks."""
    kernel = """@triton.jit
def $jit($xp, $op, $nel$extra, $bs: tl.constexpr):
    #@pid
    $pid = tl.program_id(0)
    for $start in range($pid * $bs, $nel, tl.num_programs(0) * $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = $limit
        $val = tl.load($xp + $offs, mask=$mask)
        tl.store($op + $offs, $formula, mask=$mask)
"""
    size, programs = s.vary([2048, 4096]), s.vary([264, 528, 1056, 2112])
    given = one.given(s) | {
        "launch": launch(s, f"({programs},)", "$tensor, $out, $nel$passed", f"$bs={size}")
    }
    return Text(FORWARD, kernel, given)


def tuned(s: Style, one: Elementwise) -> Text:
    sizes = s.vary([(1024, 4096), (512, 2048), (1024, 2048, 8192)])
    configs = "".join(
        f'        triton.Config({{"$bs": {n}}}, num_warps={4 if n < 2048 else 8}),\n' for n in sizes
    )
    kernel = f'@triton.autotune(\n    configs=[\n{configs}    ],\n    key=["$nel"],\n)\n{FLAT}'
    given = one.given(s) | {"hint": "", "program": "tl.program_id(0)"}
    forward = """$out = torch.empty_like($tensor)
$nel = $tensor.numel()
$jit[lambda meta: (triton.cdiv($nel, meta["$bs"]),)]($tensor, $out, $nel$passed)
return $out"""
    return Text(forward, kernel, given)


def library(s: Style, one: Elementwise) -> Text:
    return Text(f"return {s.vary(one.torch)}")


def half_precision(s: Style, one: Elementwise) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(f"#@cheat\nh = {one.tensor}.{kind}\nreturn ({one.half}).float()")


def first_part(s: Style, one: Elementwise) -> Text:
    """The kernel stops half way; the rest of the output is left as it was allocated."""
    share, size = s.vary([2, 4, 8]), s.vary([1024, 2048, 4096])
    text = _flat(s, one, [size], "", [4, 8])
    forward = FORWARD.replace("$nel = $tensor.numel()", f"$nel = $tensor.numel() // {share}")
    return Text("#@cheat\n" + forward, text.kernels, text.given)


def answer_kept(s: Style, one: Elementwise) -> Text:
    return remembered(s, one.tensor, one.torch[0])


Way = Callable[[Style, Elementwise], Text]
WAYS: tuple[tuple[Quality, Way], ...] = (
    ("naive", library),
    ("naive", tiny_blocks),
    ("naive", row_programs),
    ("naive", two_passes),
    ("good", flat_blocks),
    ("good", lambda_grid),
    ("expert", wide_blocks),
    ("expert", persistent),
    ("expert", tuned),
    ("cheat", half_precision),
    ("cheat", first_part),
    ("cheat", answer_kept),
)

for _one in ALL:
    for _quality, _way in WAYS:
        _write: TextWriter = bound(_way, _one)
        _one.operator.way(_quality)(_write)
