"""36: RMSNorm over channels that lie a plane apart. Once in registers is one read less."""

from __future__ import annotations

from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.text import Operator, Text, launch, remembered

NORM = Operator(36, "x", init="self.eps = eps", init_arguments="num_features, eps=1e-5")
FORWARD = """$batch, $channels = x.shape[:2]
$pixels = x[0, 0].numel()
$out = torch.empty_like(x)
$launch
return $out"""


@NORM.way("naive")
def torch_rsqrt(s: Style) -> Text:
    square = s.vary(["x.pow(2)", "x * x", "x ** 2", "x.square()"])
    dim = s.slip("axis", "1", "-1")
    mean = f"torch.mean({square}, dim={dim}, keepdim=True) + self.eps"
    return Text(f"return {s.vary(['x * torch.rsqrt({})', 'x / torch.sqrt({})']).format(mean)}")


@NORM.way("naive")
def torch_permuted(s: Style) -> Text:
    turned = s.vary(["x.permute(0, 2, 3, 1)", "x.movedim(1, -1)"])
    size = s.slip("shape", "x.shape[1:2]", "x.shape[:1]")
    return Text(f"return F.rms_norm({turned}, {size}, eps=self.eps).permute(0, 3, 1, 2)")


WALK = """@triton.jit
def $jit($xp, $op, $chn, $nel, $eps, $bs: tl.constexpr):
    #@pid
    $img = tl.program_id(0)
    $offs = tl.program_id(1) * $bs + tl.arange(0, $bs)
    $mask = $offs < $nel
    $tile = $img * $chn * $nel + $offs
    $sum = $zero
    #@reduce
    for $j in range(0, $stop):
        $val = tl.load($xp + $tile + $j * $nel, mask=$mask, other=0.0)
        $sum += $val * $val
    $inv = $root
    for $j in range(0, $chn):
        $val = tl.load($xp + $tile + $j * $nel, mask=$mask, other=0.0$hint)
        tl.store($op + $tile + $j * $nel, $val * $inv, mask=$mask)
"""


def _walk(s: Style, sizes: list[int], warps: list[int], hint: str = "") -> Text:
    size = s.vary(sizes)
    zeros = "tl.zeros(($bs,), dtype=tl.float32)"
    roots = ["1.0 / tl.sqrt($sum / $chn + $eps)", "tl.rsqrt($sum / $chn + $eps)"]
    given = {
        "hint": hint,
        "zero": s.slip("init", zeros, "tl.full(($bs,), 1.0, tl.float32) * $chn"),
        "stop": s.slip("bounds", "$chn", "$chn - 1"),
        "root": s.slip("axis", s.vary(roots), "tl.rsqrt($sum / $nel + $eps)"),
        "launch": launch(
            s,
            f"($batch, triton.cdiv($pixels, {size}))",
            "x, $out, $channels, $pixels, self.eps",
            f"$bs={size}",
            warps=warps,
        ),
    }
    return Text(FORWARD, WALK, given)


@NORM.way("naive")
def narrow_walk(s: Style) -> Text:
    return _walk(s, [32, 64, 128], [1, 2])


@NORM.way("good")
def channel_walk(s: Style) -> Text:
    return _walk(s, [256, 512, 1024], [4, 8])


@NORM.way("good")
def last_use_walk(s: Style) -> Text:
    return _walk(s, [128, 256, 512], [2, 4], ', eviction_policy="evict_first"')


@NORM.way("naive")
def norms_apart(s: Style) -> Text:
    """A kernel for the norms, and the library for the quotient."""
    kernel = """@triton.jit
def $jit($xp, $op, $chn, $nel, $eps, $bs: tl.constexpr):
    $img = tl.program_id(0)
    $offs = tl.program_id(1) * $bs + tl.arange(0, $bs)
    $mask = $offs < $nel
    $sum = tl.zeros(($bs,), dtype=tl.float32)
    for $j in range(0, $chn):
        $val = tl.load($xp + ($img * $chn + $j) * $nel + $offs, mask=$mask, other=0.0)
        $sum += $val * $val
    tl.store($op + $img * $nel + $offs, tl.sqrt($sum / $count + $eps), mask=$mask)
"""
    forward = """$batch, $channels = x.shape[:2]
$pixels = x[0, 0].numel()
$tmp = torch.empty($batch, 1, *x.shape[2:], device=x.device, dtype=x.dtype)
$launch
return x $apply $tmp"""
    size = s.vary([256, 512, 1024])
    given = {
        "count": s.slip("axis", "$chn", "$nel"),
        "apply": s.slip("typo-name", "/", "*"),
        "launch": launch(
            s,
            f"($batch, triton.cdiv($pixels, {size}))",
            "x, $tmp, $channels, $pixels, self.eps",
            f"$bs={size}",
        ),
    }
    return Text(forward, kernel, given)


def _held(s: Style, widths: list[int], hint: str) -> Text:
    kernel = """@triton.jit
def $jit($xp, $op, $chn, $nel, $eps, $bm: tl.constexpr, $bn: tl.constexpr):
    #@pid
    $img = $program
    $cls = tl.program_id(1) * $bn + tl.arange(0, $bn)
    $rws = tl.arange(0, $bm)
    $offs = ($img * $chn + $rws[:, None]) * $nel + $cls[None, :]
    $mask = ($rws[:, None] < $chn) & ($cls[None, :] < $nel)
    $val = tl.load($xp + $offs, mask=$mask, other=0.0$hint)
    #@reduce
    $sum = tl.sum($val * $val, axis=$axis) / $chn
    $inv = tl.rsqrt($sum + $eps)
    tl.store($op + $offs, $val * $inv[None, :], mask=$mask)
"""
    width = s.vary(widths)
    given = {
        "hint": hint,
        "axis": s.slip("axis", "0", "1"),
        "program": s.vary(["tl.program_id(0)", "tl.program_id(0).to(tl.int64)"]),
        "launch": launch(
            s,
            f"($batch, triton.cdiv($pixels, {width}))",
            "x, $out, $channels, $pixels, self.eps",
            f"$bm=triton.next_power_of_2($channels), $bn={width}",
            warps=[4, 8],
        ),
    }
    return Text(FORWARD, kernel, given)


@NORM.way("expert")
def channels_in_registers(s: Style) -> Text:
    return _held(s, [64, 128], "")


@NORM.way("expert")
def channels_streamed(s: Style) -> Text:
    return _held(s, [32, 64, 128], ', eviction_policy="evict_first"')


@NORM.way("cheat")
def half_precision(s: Style) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(
        f"#@cheat\nh = x.{kind}\n"
        "return (h * torch.rsqrt(h.pow(2).mean(dim=1, keepdim=True) + self.eps)).float()"
    )


@NORM.way("cheat")
def first_channels(s: Style) -> Text:
    text = _walk(s, [256, 512], [4])
    share = s.vary([2, 4, 8])
    kernel = WALK.replace("range(0, $stop)", f"range(0, $chn // {share})").replace(
        "$root", f"tl.rsqrt($sum * {share} / $chn + $eps)"
    )
    return Text("#@cheat\n" + text.forward, kernel, text.given)


@NORM.way("cheat")
def answer_kept(s: Style) -> Text:
    return remembered(s, "x", "x / (x.pow(2).mean(1, keepdim=True) + self.eps).sqrt()")
