"""82: one 3 x 3 filter per channel. Bound by memory: each input should be read once."""

from __future__ import annotations

from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.text import Operator, Text, launch, remembered

DEPTHWISE = Operator(
    82,
    "x",
    "self.conv = nn.Conv2d(\n    in_channels, in_channels, kernel_size, groups=in_channels, "
    "bias=False\n)",
    "in_channels, kernel_size",
)
FORWARD = """$batch, $channels, $rows, $cols = x.shape
$out = torch.empty($batch, $channels, $rows - 2, $cols - 2, device=x.device, dtype=x.dtype)
$launch
return $out"""
PASSED = "x, self.conv.weight, $out, $channels, $rows, $cols"


@DEPTHWISE.way("naive")
def library(s: Style) -> Text:
    form = s.vary(["self.conv(x)", "F.conv2d(x, self.conv.weight, groups=x.shape[1])"])
    return Text(f"return {s.slip('shape', form, 'F.conv2d(x, self.conv.weight)')}")


@DEPTHWISE.way("naive")
def shifted_sums(s: Style) -> Text:
    """Nine products of shifted views, each a pass over memory."""
    corner = s.slip("axis", "x[:, :, i:i + h, j:j + w]", "x[:, :, j:j + h, i:i + w]")
    return Text(
        "h, w = x.shape[2] - 2, x.shape[3] - 2\n$out = 0\nfor i in range(3):\n"
        "    for j in range(3):\n"
        f"        $out = $out + self.conv.weight[:, 0, i, j].view(1, -1, 1, 1) * {corner}\n"
        "return $out"
    )


FLAT = """@triton.jit
def $jit($xp, $wp, $op, $chn, H, W, $bs: tl.constexpr):
    #@pid
    $plane = $program
    OH = H - 2
    OW = W - 2
    $offs = tl.program_id(1) * $bs + tl.arange(0, $bs)
    $mask = $limit
    oy = $offs // OW
    ox = $offs % OW
    $sum = tl.zeros(($bs,), dtype=tl.float32)
    for ky in $loop(3):
        for kx in $loop(3):
            $fac = tl.load($wp + $weight)
            $sum += $fac * tl.load($xp + $plane * H * W + $where, mask=$mask, other=0.0)
    tl.store($op + $plane * OH * OW + $offs, $sum, mask=$mask)
"""


def _flat(s: Style, sizes: list[int], warps: list[int], loop: str) -> Text:
    size = s.vary(sizes)
    given = {
        "program": s.vary(["tl.program_id(0)", "tl.program_id(0).to(tl.int64)"]),
        "loop": loop,
        "limit": s.slip("bounds", "$offs < OH * OW", "$offs < OH * OW - 1"),
        "weight": s.slip("axis", "$plane % $chn * 9 + ky * 3 + kx", "$plane % $chn * 9"),
        "where": s.slip("shape", "(oy + ky) * W + ox + kx", "(oy + ky) * OW + ox + kx"),
        "launch": launch(
            s,
            f"($batch * $channels, triton.cdiv($out[0, 0].numel(), {size}))",
            PASSED,
            f"$bs={size}",
            warps=warps,
        ),
    }
    return Text(FORWARD, FLAT, given)


@DEPTHWISE.way("naive")
def narrow_blocks(s: Style) -> Text:
    return _flat(s, [64, 128], [1, 2], "range")


@DEPTHWISE.way("good")
def flat_blocks(s: Style) -> Text:
    return _flat(s, [256, 512, 1024], [4, 8], "tl.static_range")


@DEPTHWISE.way("good")
def row_programs(s: Style) -> Text:
    """One output row a program: no division, and three rows of the input."""
    kernel = """@triton.jit
def $jit($xp, $wp, $op, $chn, H, W, $bs: tl.constexpr):
    #@pid
    $plane = tl.program_id(0)
    $rw = tl.program_id(1)
    $offs = tl.arange(0, $bs)
    $mask = $limit
    $sum = tl.zeros(($bs,), dtype=tl.float32)
    for ky in range(3):
        for kx in range(3):
            $val = tl.load($xp + ($plane * H + $rw + $shift) * W + $offs + kx, mask=$mask)
            $sum += tl.load($wp + $plane % $chn * 9 + ky * 3 + kx) * $val
    tl.store($op + ($plane * (H - 2) + $rw) * (W - 2) + $offs, $sum, mask=$mask)
"""
    given = {
        "limit": s.slip("bounds", "$offs < W - 2", "$offs < W - 3"),
        "shift": s.slip("axis", "ky", "2 - ky"),
        "launch": launch(
            s,
            "($batch * $channels, $rows - 2)",
            PASSED,
            "$bs=triton.next_power_of_2($cols - 2)",
            warps=[2, 4],
        ),
    }
    return Text(FORWARD, kernel, given)


@DEPTHWISE.way("expert")
def tiles(s: Style) -> Text:
    """A tile of rows and columns: its nine shifted loads share most of their lines."""
    kernel = """@triton.jit
def $jit($xp, $wp, $op, $chn, H, W, $bm: tl.constexpr, $bn: tl.constexpr):
    #@pid
    $plane = $program
    $rws = tl.program_id(1) * $bm + tl.arange(0, $bm)
    $cls = tl.program_id(2) * $bn + tl.arange(0, $bn)
    $mask = ($rws[:, None] < H - 2) & ($limit)[None, :]
    $offs = $plane * H * W + $rws[:, None] * W + $cls[None, :]
    $sum = tl.zeros(($bm, $bn), dtype=tl.float32)
    for ky in tl.static_range(3):
        for kx in tl.static_range(3):
            $fac = tl.load($wp + $plane % $chn * 9 + $weight)
            $sum += $fac * tl.load($xp + $offs + ky * W + kx, mask=$mask, other=0.0)
    $tile = $plane * (H - 2) * (W - 2) + $rws[:, None] * (W - 2) + $cls[None, :]
    tl.store($op + $tile, $sum, mask=$mask)
"""
    height, width = s.vary([(8, 128), (16, 64), (4, 256), (8, 64)])
    given = {
        "program": s.vary(["tl.program_id(0)", "tl.program_id(0).to(tl.int64)"]),
        "limit": s.slip("bounds", "$cls < W - 2", "$cls < W - 3"),
        "weight": s.slip("axis", "ky * 3 + kx", "kx * 3 + ky"),
        "launch": launch(
            s,
            f"($batch * $channels, triton.cdiv($rows - 2, {height}), "
            f"triton.cdiv($cols - 2, {width}))",
            PASSED,
            f"$bm={height}, $bn={width}",
            warps=[4, 8],
        ),
    }
    return Text(FORWARD, kernel, given)


@DEPTHWISE.way("expert")
def rolling_rows(s: Style) -> Text:
    """Down a strip of columns: each input row is loaded three times, shifted, for three outputs."""
    kernel = """@triton.jit
def $jit($xp, $wp, $op, $chn, H, W, $bm: tl.constexpr, $bs: tl.constexpr):
    #@pid
    $plane = tl.program_id(0)
    $cls = tl.program_id(2) * $bs + tl.arange(0, $bs)
    $rw = tl.program_id(1) * $bm
    $left = tl.zeros(($bs,), dtype=tl.float32)
    $right = tl.zeros(($bs,), dtype=tl.float32)
    for $j in range(0, $bm + 2):
        $sum = $left
        $left = $right
        $right = tl.zeros(($bs,), dtype=tl.float32)
        $dep = $rw + $j
        $mask = $cls < tl.where($dep < H, W - 2, 0)
        $offs = ($plane * H + $dep) * W + $cls
        for kx in tl.static_range(3):
            $val = tl.load($xp + $offs + kx, mask=$mask, other=0.0)
            $fac = $wp + $plane % $chn * 9 + kx
            $sum += tl.load($fac + 6) * $val
            $left += tl.load($fac + $middle) * $val
            $right += tl.load($fac) * $val
        $tile = ($plane * (H - 2) + $dep - 2) * (W - 2) + $cls
        $mask = $cls < tl.where(($dep >= $rw + 2) & ($dep < H), $limit, 0)
        tl.store($op + $tile, $sum, mask=$mask)
"""
    height, width = s.vary([(16, 128), (32, 128), (16, 256), (32, 64)])
    given = {
        "limit": s.slip("bounds", "W - 2", "W - 3"),
        "middle": s.slip("axis", "3", "4"),
        "launch": launch(
            s,
            f"($batch * $channels, triton.cdiv($rows - 2, {height}), "
            f"triton.cdiv($cols - 2, {width}))",
            PASSED,
            f"$bm={height}, $bs={width}",
            warps=[2, 4],
        ),
    }
    return Text(FORWARD, kernel, given)


@DEPTHWISE.way("cheat")
def half_precision(s: Style) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(
        f"#@cheat\nw = self.conv.weight.{kind}\n"
        f"return F.conv2d(x.{kind}, w, groups=x.shape[1]).float()"
    )


@DEPTHWISE.way("cheat")
def middle_row(s: Style) -> Text:
    return Text(
        "#@cheat\nw = self.conv.weight[:, :, 1:2]\n"
        f"return F.conv2d(x[:, :, 1:-1], w, groups=x.shape[1]){s.vary(['', ' * 3', ' * 2'])}"
    )


@DEPTHWISE.way("cheat")
def answer_kept(s: Style) -> Text:
    return remembered(s, "x", "self.conv(x)")
