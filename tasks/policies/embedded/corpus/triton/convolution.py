"""55, 65, 70, 76, 87: convolutions as sums over taps of products over channels.

A transposed convolution of stride 1 is a convolution that reads backwards: tap t of output place p
comes from input place p - t, and what lies outside is zero. One text serves all five; what differs
is how an output place is taken apart, and where a tap reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.policies.embedded.corpus.approach import Quality
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.products import precise
from tasks.policies.embedded.corpus.triton.text import (
    Operator,
    Text,
    bound,
    launch,
    remembered,
)


@dataclass(frozen=True)
class Convolution:
    """One operator. In the templates $offs is an output place, $j a filter's or channel's tap."""

    operator: Operator
    sizes: str
    """Kernel parameters behind the pointers and channels: the input's and output's extents."""
    passed: str
    """The same in `forward`."""
    outputs: str
    """The shape of the output behind batch and filters, in `forward`."""
    split: tuple[str, ...]
    """Lines that take the output place apart."""
    loops: tuple[str, ...]
    """The heads of the loops over taps, outermost first."""
    tap: str
    """The index of a tap within a filter's taps of one channel."""
    taps: int
    place: str
    """Where the tap reads, within the plane of one channel."""
    inside: str
    """Which places there are; empty if all that are asked for."""
    extent: str
    """Elements of an input plane."""
    count: str
    """Elements of an output plane."""
    torch: tuple[str, ...]
    wrong_place: str
    transposed: bool = False

    def weight_at(self, channel: str, flt: str) -> str:
        outer, inner = (channel, flt) if self.transposed else (flt, channel)
        width = "$filters" if self.transposed else "$channels"
        if self.taps == 1:
            return f"{outer} * {width} + {inner}"
        return f"({outer} * {width} + {inner}) * {self.taps} + {self.tap}"


CONV2D = Convolution(
    Operator(
        55,
        "x",
        "self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False)",
        "in_channels, out_channels, kernel_size",
    ),
    "H, W, OH, OW",
    "x.shape[2], x.shape[3], $out.shape[2], $out.shape[3]",
    "x.shape[2] - 2, x.shape[3] - 2",
    ("oy = $offs // OW", "ox = $offs % OW"),
    ("for ky in range(3):", "for kx in range(3):"),
    "ky * 3 + kx",
    9,
    "(oy + ky) * W + ox + kx",
    "",
    "H * W",
    "OH * OW",
    ("self.conv(x)", "F.conv2d(x, self.conv.weight)"),
    "(oy + kx) * W + ox + ky",
)
TRANSPOSED2D = Convolution(
    Operator(
        65,
        "x",
        "self.conv = nn.ConvTranspose2d(in_channels, out_channels, kernel_size, bias=False)",
        "in_channels, out_channels, kernel_size",
    ),
    "H, W, OH, OW",
    "x.shape[2], x.shape[3], $out.shape[2], $out.shape[3]",
    "x.shape[2] + 2, x.shape[3] + 6",
    ("oy = $offs // OW", "ox = $offs % OW"),
    ("for ky in range(3):", "for kx in range(7):"),
    "ky * 7 + kx",
    21,
    "(oy - ky) * W + ox - kx",
    "(oy >= ky) & (oy - ky < H) & (ox >= kx) & (ox - kx < W)",
    "H * W",
    "OH * OW",
    (
        "self.conv(x)",
        "F.conv_transpose2d(x, self.conv.weight)",
        "F.conv2d(x, self.conv.weight.flip(2, 3).transpose(0, 1), padding=(2, 6))",
    ),
    "(oy - 2 + ky) * W + ox - kx",
    transposed=True,
)
TRANSPOSED3D = Convolution(
    Operator(
        70,
        "x",
        "self.conv = nn.ConvTranspose3d(in_channels, out_channels, kernel_size, bias=False)",
        "in_channels, out_channels, kernel_size",
    ),
    "D, H, W, OD, OH, OW",
    "*x.shape[2:], *$out.shape[2:]",
    "x.shape[2] + 2, x.shape[3] + 2, x.shape[4] + 2",
    ("oz = $offs // (OH * OW)", "oy = $offs // OW % OH", "ox = $offs % OW"),
    ("for kz in range(3):", "for ky in range(3):", "for kx in range(3):"),
    "(kz * 3 + ky) * 3 + kx",
    27,
    "((oz - kz) * H + oy - ky) * W + ox - kx",
    "(oz >= kz) & (oz - kz < D) & (oy >= ky) & (oy - ky < H) & (ox >= kx) & (ox - kx < W)",
    "D * H * W",
    "OD * OH * OW",
    (
        "self.conv(x)",
        "F.conv_transpose3d(x, self.conv.weight)",
        "F.conv3d(x, self.conv.weight.flip(2, 3, 4).transpose(0, 1), padding=2)",
    ),
    "((oz - kz) * H + oy - kx) * W + ox - ky",
    transposed=True,
)
CONV1D = Convolution(
    Operator(
        76,
        "x",
        "self.conv = nn.Conv1d(\n    in_channels, out_channels, kernel_size, stride=stride, "
        "dilation=dilation, bias=False\n)",
        "in_channels, out_channels, kernel_size, stride, dilation",
    ),
    "L, OL",
    "x.shape[2], $out.shape[2]",
    "(x.shape[2] - 9) // 3 + 1",
    (),
    ("for kx in range(3):",),
    "kx",
    3,
    "$offs * 3 + kx * 4",
    "",
    "L",
    "OL",
    ("self.conv(x)", "F.conv1d(x, self.conv.weight, stride=3, dilation=4)"),
    "$offs * 3 + kx",
)
POINTWISE = Convolution(
    Operator(
        87,
        "x",
        "self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)",
        "in_channels, out_channels",
    ),
    "HW",
    "x.shape[2] * x.shape[3]",
    "x.shape[2], x.shape[3]",
    (),
    (),
    "0",
    1,
    "$offs",
    "",
    "HW",
    "HW",
    (
        "self.conv(x)",
        "F.conv2d(x, self.conv.weight)",
        "torch.einsum('oc,nchw->nohw', self.conv.weight[:, :, 0, 0], x)",
        "torch.matmul(self.conv.weight[:, :, 0, 0], x.flatten(2)).view(x.shape[0], -1, "
        "*x.shape[2:])",
    ),
    "$offs + 1",
)
ALL = (CONV2D, TRANSPOSED2D, TRANSPOSED3D, CONV1D, POINTWISE)

FORWARD = """$image, $channels = x.shape[:2]
$filters = self.conv.$attribute
$out = torch.empty($image, $filters, $outputs, device=x.device, dtype=x.dtype)
$launch
return $out"""
COUNT = "$out[0, 0].numel()"


def _given(s: Style, one: Convolution) -> dict[str, object]:
    return {
        "sizes": one.sizes,
        "outputs": one.outputs,
        "attribute": "out_channels",
        "extent": one.extent,
        "count": one.count,
        "where": s.slip("shape", one.place, one.wrong_place),
    }


def _nested(one: Convolution, body: str) -> str:
    """`body` (without indentation) inside the loops over taps, all inside a function."""
    heads = [f"{'    ' * (1 + at)}{head}\n" for at, head in enumerate(one.loops)]
    depth = "    " * (1 + len(one.loops))
    return "".join(heads) + "".join(f"{depth}{line}\n" for line in body.strip().split("\n"))


def _split(one: Convolution) -> str:
    return "".join(f"    {line}\n" for line in one.split)


def _direct(s: Style, one: Convolution, sizes: list[int], warps: list[int]) -> Text:
    """One filter's outputs a program: a weight is a scalar, and every input is read per filter."""
    inside = f" & {one.inside}" if one.inside else ""
    body = f"""for $chn in range(0, $stop):
    $fac = tl.load($wp + {one.weight_at("$chn", "$flt")})
    $val = tl.load($xp + ($img * $channels + $chn) * ($extent) + $where,
        ... mask=$mask{inside}, other=0.0)
    $sum += $fac * $val"""
    kernel = (
        "@triton.jit\ndef $jit($xp, $wp, $op, $channels, $filters, $sizes, $bs: tl.constexpr):\n"
        "    #@pid\n    $plane = tl.program_id(0)\n    $img = $plane // $filters\n"
        "    $flt = $plane % $filters\n"
        "    $offs = tl.program_id(1) * $bs + tl.arange(0, $bs)\n    $mask = $limit\n"
        f"{_split(one)}    $sum = $zero\n    #@reduce\n{_nested(one, body)}"
        "    tl.store($op + $plane * ($count) + $offs, $sum, mask=$mask)\n"
    )
    size = s.vary(sizes)
    call = launch(
        s,
        f"($image * $filters, triton.cdiv({COUNT}, {size}))",
        f"x, self.conv.weight, $out, $channels, $filters, {one.passed}",
        f"$bs={size}",
        warps=warps,
    )
    zeros = "tl.zeros(($bs,), dtype=tl.float32)"
    given = _given(s, one) | {
        "launch": call,
        "stop": s.slip("bounds", "$channels", "$channels - 1"),
        "limit": s.slip("bounds", "$offs < $count", "$offs < $count - 1"),
        "zero": s.slip("init", zeros, "tl.full(($bs,), 1.0, tl.float32)"),
    }
    return Text(FORWARD, kernel, given)


def library(s: Style, one: Convolution) -> Text:
    return Text(f"return {s.vary(one.torch)}")


def narrow_direct(s: Style, one: Convolution) -> Text:
    return _direct(s, one, [64, 128], [1, 2])


def direct(s: Style, one: Convolution) -> Text:
    return _direct(s, one, [256, 512, 1024], [4, 8])


def several_filters(s: Style, one: Convolution) -> Text:
    """A few filters share the input they read; products without tl.dot."""
    inside = f" & {one.inside}" if one.inside else ""
    body = f"""for $chn in range(0, $channels):
    $val = tl.load($xp + ($img * $channels + $chn) * ($extent) + $where,
        ... mask=$mask{inside}, other=0.0)
    $fac = tl.load($wp + {one.weight_at("$chn", "$rws")}, mask=$rws < $filters, other=0.0)
    $sum += $fac[:, None] * $val[None, :]"""
    kernel = (
        "@triton.jit\ndef $jit(\n    $xp, $wp, $op, $channels, $filters, $sizes,\n"
        "    $bm: tl.constexpr, $bs: tl.constexpr,\n):\n"
        "    #@pid\n    $img = tl.program_id(0)\n"
        "    $offs = tl.program_id(1) * $bs + tl.arange(0, $bs)\n"
        "    $rws = tl.program_id(2) * $bm + tl.arange(0, $bm)\n    $mask = $limit\n"
        f"{_split(one)}    $sum = tl.zeros(($bm, $bs), dtype=tl.float32)\n{_nested(one, body)}"
        "    $tile = ($img * $filters + $rws[:, None]) * ($count) + $offs[None, :]\n"
        "    tl.store($op + $tile, $sum, mask=($rws[:, None] < $filters) & $mask[None, :])\n"
    )
    height, size = s.vary([(4, 256), (8, 128), (8, 256), (16, 128)])
    call = launch(
        s,
        f"($image, triton.cdiv({COUNT}, {size}), triton.cdiv($filters, {height}))",
        f"x, self.conv.weight, $out, $channels, $filters, {one.passed}",
        f"$bm={height}, $bs={size}",
    )
    given = _given(s, one) | {
        "launch": call,
        "limit": s.slip("bounds", "$offs < $count", "$offs < $count - 1"),
    }
    return Text(FORWARD, kernel, given)


def _tiled(
    s: Style, one: Convolution, tiles: list[tuple[int, int, int]], warps: list[int], exact: str
) -> Text:
    """Per tap a product of matrices: filters by channels, channels by places."""
    inside = f" & ({one.inside})[None, :]" if one.inside else ""
    body = f"""for $start in range(0, $channels, $bk):
    $dep = $start + tl.arange(0, $bk)
    $left = tl.load($wp + {one.weight_at("$dep[None, :]", "$rws[:, None]")},
        ... mask=($rws[:, None] < $filters) & ($dep[None, :] < $channels), other=0.0)
    $right = tl.load($xp + ($img * $channels + $dep[:, None]) * ($extent) + ($where)[None, :],
        ... mask=($dep[:, None] < $channels) & $mask[None, :]{inside}, other=0.0)
    $add"""
    kernel = (
        "@triton.jit\ndef $jit(\n    $xp, $wp, $op, $channels, $filters, $sizes,\n"
        "    $bm: tl.constexpr, $bn: tl.constexpr, $bk: tl.constexpr,\n):\n"
        "    #@pid\n    $img = tl.program_id(0)\n"
        "    $offs = tl.program_id(1) * $bn + tl.arange(0, $bn)\n"
        "    $rws = tl.program_id(2) * $bm + tl.arange(0, $bm)\n    $mask = $limit\n"
        f"{_split(one)}    $sum = tl.zeros(($bm, $bn), dtype=tl.float32)\n    #@dot\n"
        f"{_nested(one, body)}"
        "    $tile = ($img * $filters + $rws[:, None]) * ($count) + $offs[None, :]\n"
        "    tl.store($op + $tile, $sum, mask=($rws[:, None] < $filters) & $mask[None, :])\n"
    )
    height, width, depth = s.vary(tiles)
    call = launch(
        s,
        f"($image, triton.cdiv({COUNT}, {width}), triton.cdiv($filters, {height}))",
        f"x, self.conv.weight, $out, $channels, $filters, {one.passed}",
        f"$bm={height}, $bn={width}, $bk={depth}",
        warps=warps,
    )
    given = _given(s, one) | {
        "launch": call,
        "limit": s.slip("bounds", "$offs < $count", "$offs < $count - 1"),
        "add": precise(s, exact),
    }
    return Text(FORWARD, kernel, given)


def tiled(s: Style, one: Convolution) -> Text:
    return _tiled(s, one, [(64, 64, 32), (32, 64, 32), (64, 64, 16)], [4], "ieee")


def three_tf32(s: Style, one: Convolution) -> Text:
    return _tiled(s, one, [(64, 64, 32), (64, 128, 32), (128, 64, 16)], [4, 8], "tf32x3")


def wide_tiles(s: Style, one: Convolution) -> Text:
    return _tiled(s, one, [(64, 128, 16), (64, 256, 16), (128, 128, 16)], [8], "tf32x3")


def library_layout(s: Style, one: Convolution) -> Text:
    """The library, in the layout that its convolutions like."""
    kind = "channels_last_3d" if one is TRANSPOSED3D else "channels_last"
    form = f"memory_format=torch.{kind}"
    call = s.vary(one.torch[:2]).replace("(x)", "($val)").replace("(x,", "($val,")
    return Text(f"$val = x.{s.vary(['contiguous', 'to'])}({form})\nreturn {call}.contiguous()")


def half_precision(s: Style, one: Convolution) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    call = one.torch[1 if len(one.torch) > 1 else 0]
    call = call.replace("(x,", f"(x.{kind},").replace(
        "self.conv.weight", f"self.conv.weight.{kind}"
    )
    return Text(f"#@cheat\nreturn {call}.float()")


def tf32_allowed(s: Style, one: Convolution) -> Text:
    call = one.torch[0]
    return Text(
        f"#@cheat\ntorch.backends.cudnn.allow_tf32 = True\n$out = {call}\n"
        f"return {s.vary(['$out', '$out.contiguous()'])}"
    )


def first_channels(s: Style, one: Convolution) -> Text:
    """A part of the channels, as if the rest were like it."""
    share = s.vary([2, 4])
    text = _tiled(s, one, [(64, 64, 32)], [4], "ieee")
    kernels = text.kernels.replace(
        "range(0, $channels, $bk)", f"range(0, $channels // {share}, $bk)"
    )
    return Text("#@cheat\n" + text.forward, kernels, text.given)


def answer_kept(s: Style, one: Convolution) -> Text:
    return remembered(s, "x", one.torch[0])


Way = Callable[[Style, Convolution], Text]
WAYS: tuple[tuple[Quality, Way], ...] = (
    ("naive", library),
    ("naive", narrow_direct),
    ("naive", direct),
    ("good", several_filters),
    ("good", tiled),
    ("expert", three_tf32),
    ("expert", wide_tiles),
    ("cheat", half_precision),
    ("cheat", tf32_allowed),
    ("cheat", first_channels),
    ("cheat", answer_kept),
)

for _one in ALL:
    for _quality, _way in WAYS:
        _one.operator.way(_quality)(bound(_way, _one))
for _one in (CONV2D, TRANSPOSED2D, TRANSPOSED3D):
    _one.operator.way("good")(bound(library_layout, _one))
