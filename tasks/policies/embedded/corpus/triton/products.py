"""14, 15, 18: products of matrices; triangular ones have a sixth of the work of full ones.

Full float32 is asked for: `input_precision` is "ieee", or "tf32x3" (three products on the tensor
cores for one). The default, TF32, is the usual slip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.policies.embedded.corpus.approach import Quality
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.text import (
    Operator,
    Text,
    bound,
    launch,
    remembered,
)


@dataclass(frozen=True)
class Product:
    """One of the three: where its operands lie, which k count, what of the result is kept."""

    operator: Operator
    shapes: str
    """Lines that name $rows (M), $cols (N) and $n (K) from the arguments."""
    left_at: str
    """Offset of A[row, k] for tiles of rows and k."""
    right_at: str
    wrong_at: str
    """The right operand with its strides confused."""
    first: str
    """Where the walk over k begins and ends for a tile."""
    last: str
    kept: str
    torch: tuple[str, ...]
    half: str


TRANSPOSED = Product(
    Operator(18, "A, B"),
    "$n, $rows = A.shape\n$cols = B.shape[0]",
    "$dep[None, :] * $m + $rws[:, None]",
    "$cls[None, :] * $k + $dep[:, None]",
    "$dep[:, None] * $nel + $cls[None, :]",
    "0",
    "$k",
    "$sum",
    ("A.T @ B.T", "(B @ A).T.contiguous()", "torch.matmul(A.T, B.T)", "torch.mm(A.t(), B.t())"),
    "(A.{kind}.T @ B.{kind}.T).float()",
)
SQUARE = "$rows = $cols = $n = A.shape[0]"
ROW_MAJOR = "$rws[:, None] * $k + $dep[None, :]", "$dep[:, None] * $nel + $cls[None, :]"
WRONG = "$cls[None, :] * $nel + $dep[:, None]"
UPPER = Product(
    Operator(14, "A, B"),
    SQUARE,
    *ROW_MAJOR,
    WRONG,
    "tl.program_id(0) * $bm // $bk * $bk",
    "tl.minimum(tl.program_id(1) * $bn + $bn, $k)",
    "tl.where($rws[:, None] <= $cls[None, :], $sum, 0.0)",
    ("torch.triu(A @ B)", "(A @ B).triu_()", "torch.triu(torch.mm(A, B))"),
    "(A.{kind} @ B.{kind}).triu().float()",
)
LOWER = Product(
    Operator(15, "A, B"),
    SQUARE,
    *ROW_MAJOR,
    WRONG,
    "tl.program_id(1) * $bn // $bk * $bk",
    "tl.minimum(tl.program_id(0) * $bm + $bm, $k)",
    "tl.where($rws[:, None] >= $cls[None, :], $sum, 0.0)",
    ("torch.tril(A @ B)", "(A @ B).tril_()", "torch.tril(torch.mm(A, B))"),
    "(A.{kind} @ B.{kind}).tril().float()",
)
ALL = (TRANSPOSED, UPPER, LOWER)

FORWARD = """$shapes
$out = torch.empty($rows, $cols, device=A.device, dtype=A.dtype)
$launch
return $out"""
HEAD = """@triton.jit
def $jit($ap, $bp, $op, $m, $nel, $k, $bm: tl.constexpr, $bn: tl.constexpr, $bk: tl.constexpr):
"""
PLACE = """    #@pid
    $rws = tl.program_id(0) * $bm + tl.arange(0, $bm)
    $cls = tl.program_id(1) * $bn + tl.arange(0, $bn)
"""
LOOP = """    $sum = tl.zeros(($bm, $bn), dtype=tl.float32)
    for $start in range($first, $last, $bk):
        $dep = $start + tl.arange(0, $bk)
        $left = tl.load($ap + $left_at, mask=($rws[:, None] < $m) & ($dep[None, :] < $k), other=0.0)
        $right = tl.load($bp + $right_at, mask=($dep[:, None] < $k) & ($cls[None, :] < $nel),
            ... other=0.0)
        #@dot
        $add
"""
STORE = """    $mask = ($rws[:, None] < $m) & ($cls[None, :] < $nel)
    tl.store($op + $rws[:, None] * $nel + $cls[None, :], $kept, mask=$mask)
"""


def precise(s: Style, exact: str) -> str:
    """The line that adds a tile's product, in float32 or, by a slip, in TF32."""
    option = s.slip("precision", f', input_precision="{exact}"', "")
    if s.choice([True, False]):
        return f"$sum = tl.dot($left, $right, $sum{option})"
    return f"$sum += tl.dot($left, $right{option})"


def _given(s: Style, one: Product) -> dict[str, object]:
    return {
        "shapes": one.shapes,
        "left_at": one.left_at,
        "right_at": s.slip("shape", one.right_at, one.wrong_at),
        "kept": one.kept,
    }


def _walk(s: Style, one: Product, exact: str, skips: bool) -> dict[str, object]:
    """From where to where over k, and how a tile's product is added."""
    return {
        "first": one.first if skips else "0",
        "last": one.last if skips else s.slip("bounds", "$k", "$k - $bk"),
        "add": precise(s, exact),
    }


def _tiled(
    s: Style,
    one: Product,
    tiles: list[tuple[int, int, int]],
    warps: list[int],
    *,
    exact: str = "ieee",
    skips: bool = True,
) -> Text:
    height, width, depth = s.vary(tiles)
    call = launch(
        s,
        f"(triton.cdiv($rows, {height}), triton.cdiv($cols, {width}))",
        "A, B, $out, $rows, $cols, $n",
        f"$bm={height}, $bn={width}, $bk={depth}",
        warps=warps,
    )
    given = _given(s, one) | _walk(s, one, exact, skips) | {"launch": call}
    return Text(FORWARD, HEAD + PLACE + LOOP + STORE, given)


def library(s: Style, one: Product) -> Text:
    return Text(f"return {s.vary(one.torch)}")


def small_tiles(s: Style, one: Product) -> Text:
    return _tiled(s, one, [(16, 16, 16), (32, 32, 16), (16, 32, 32)], [1, 2, 4], skips=False)


def whole_depth(s: Style, one: Product) -> Text:
    """Tiles of a good size, but every k, zero or not."""
    return _tiled(s, one, [(64, 64, 32), (64, 64, 16), (64, 32, 32)], [4], skips=False)


def skipping_tiles(s: Style, one: Product) -> Text:
    return _tiled(s, one, [(64, 64, 32), (64, 64, 16), (32, 64, 32), (64, 128, 16)], [4, 8])


def three_tf32(s: Style, one: Product) -> Text:
    return _tiled(s, one, [(64, 64, 32), (128, 64, 32), (64, 128, 32)], [4, 8], exact="tf32x3")


def outer_sums(s: Style, one: Product) -> Text:
    """No tl.dot: a column of A times a row of B, one k at a time."""
    kernel = (
        HEAD
        + PLACE
        + """    $sum = $zero
    for $start in range(0, $k):
        $dep = $start + tl.arange(0, $bk)
        $left = tl.load($ap + $left_at, mask=$rws[:, None] < $m, other=0.0)
        $right = tl.load($bp + $right_at, mask=$cls[None, :] < $nel, other=0.0)
        $sum += $left * $right
"""
        + STORE
    )
    height, width = s.vary([(32, 32), (16, 64), (32, 64)])
    call = launch(
        s,
        f"(triton.cdiv($rows, {height}), triton.cdiv($cols, {width}))",
        "A, B, $out, $rows, $cols, $n",
        f"$bm={height}, $bn={width}, $bk=1",
    )
    zeros = "tl.zeros(($bm, $bn), dtype=tl.float32)"
    given = _given(s, one) | {
        "launch": call,
        "zero": s.slip("init", zeros, "tl.full(($bm, $bn), 1.0, tl.float32)"),
    }
    return Text(FORWARD, kernel, given)


def grouped(s: Style, one: Product) -> Text:
    """Tiles in groups of rows, so that neighbours in time share what lies in the L2 cache."""
    kernel = (
        HEAD.replace("$bk: tl.constexpr", "$bk: tl.constexpr, $group: tl.constexpr")
        + """    #@pid
    $pid = tl.program_id(0)
    $i = tl.cdiv($m, $bm)
    $j = tl.cdiv($nel, $bn)
    $rw = $pid // ($group * $j) * $group
    $top = tl.minimum($i - $rw, $group)
    $tile = $rw + $pid % ($group * $j) % $top
    $pixel = $pid % ($group * $j) // $top
    $rws = $tile * $bm + tl.arange(0, $bm)
    $cls = $pixel * $bn + tl.arange(0, $bn)
"""
        + LOOP
        + STORE
    )
    height, width, depth = s.vary([(64, 64, 32), (128, 64, 32), (64, 128, 32)])
    call = launch(
        s,
        f"(triton.cdiv($rows, {height}) * triton.cdiv($cols, {width}),)",
        "A, B, $out, $rows, $cols, $n",
        f"$bm={height}, $bn={width}, $bk={depth}, $group={s.vary([4, 8])}",
        warps=[4, 8],
    )
    exact = s.vary(["ieee", "tf32x3"])
    given = (
        _given(s, one)
        | _walk(s, one, exact, True)
        | {
            "launch": call,
            "first": one.first.replace("tl.program_id(0)", "$tile").replace(
                "tl.program_id(1)", "$pixel"
            ),
            "last": one.last.replace("tl.program_id(0)", "$tile").replace(
                "tl.program_id(1)", "$pixel"
            ),
        }
    )
    return Text(FORWARD, kernel, given)


def tuned(s: Style, one: Product) -> Text:
    tiles = s.vary([((64, 64), (128, 64)), ((64, 64), (64, 128)), ((64, 128), (128, 64))])
    configs = "".join(
        f'        triton.Config({{"$bm": {m}, "$bn": {n}, "$bk": 32}}, num_warps=4),\n'
        for m, n in tiles
    )
    head = f'@triton.autotune(\n    configs=[\n{configs}    ],\n    key=["$m", "$nel", "$k"],\n)\n'
    forward = """$shapes
$out = torch.empty($rows, $cols, device=A.device, dtype=A.dtype)
$grid = lambda meta: (triton.cdiv($rows, meta["$bm"]), triton.cdiv($cols, meta["$bn"]))
$jit[$grid](A, B, $out, $rows, $cols, $n)
return $out"""
    given = _given(s, one) | _walk(s, one, s.vary(["tf32x3", "ieee"]), True)
    return Text(forward, head + HEAD + PLACE + LOOP + STORE, given)


def split_depth(s: Style, one: Product) -> Text:
    """Several programs share a tile of the result and add their parts up in memory."""
    parts = s.vary([2, 4])
    height, width, depth = s.vary([(64, 64, 32), (64, 128, 32)])
    store = STORE.replace("tl.store(", "$into(").replace("$kept", "$sum")
    loop = LOOP.replace("range($first, $last, $bk)", f"range($pid * $bk, $k, {parts} * $bk)")
    kernel = HEAD + PLACE + "    $pid = tl.program_id(2)\n" + loop + store
    call = launch(
        s,
        f"(triton.cdiv($rows, {height}), triton.cdiv($cols, {width}), {parts})",
        "A, B, $out, $rows, $cols, $n",
        f"$bm={height}, $bn={width}, $bk={depth}",
        warps=[4, 8],
    )
    given = (
        _given(s, one)
        | _walk(s, one, "tf32x3", True)
        | {
            "launch": call,
            "allocate": s.slip("init", "zeros", "empty"),
            "into": s.slip("race", "tl.atomic_add", "tl.store"),
        }
    )
    return Text(FORWARD.replace("torch.empty", "torch.$allocate"), kernel, given)


def half_precision(s: Style, one: Product) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(f"#@cheat\nreturn {one.half.format(kind=kind)}")


def tf32_tiles(s: Style, one: Product) -> Text:
    text = _tiled(s, one, [(64, 64, 32), (128, 128, 32)], [4, 8])
    line = "$sum = tl.dot($left, $right, $sum$low)"
    low = s.vary([', input_precision="tf32"', ", allow_tf32=True"])
    return Text(text.forward, text.kernels, {**text.given, "add": line, "low": low})


def answer_kept(s: Style, one: Product) -> Text:
    return remembered(s, "A", one.torch[0])


Way = Callable[[Style, Product], Text]
WAYS: tuple[tuple[Quality, Way], ...] = (
    ("naive", library),
    ("naive", small_tiles),
    ("naive", outer_sums),
    ("good", skipping_tiles),
    ("expert", three_tf32),
    ("expert", grouped),
    ("expert", tuned),
    ("cheat", half_precision),
    ("cheat", tf32_tiles),
    ("cheat", answer_kept),
)

for _one in ALL:
    for _quality, _way in WAYS:
        _one.operator.way(_quality)(bound(_way, _one))
for _one in (UPPER, LOWER):
    _one.operator.way("naive")(bound(whole_depth, _one))
TRANSPOSED.operator.way("expert")(bound(split_depth, TRANSPOSED))
