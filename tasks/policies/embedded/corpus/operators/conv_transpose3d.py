"""70: a transposed 3 x 3 x 3 convolution: the padded volume convolved with the flipped kernel."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.convolution import VECTOR
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import cpp, fill

INIT = "self.conv = nn.ConvTranspose3d(in_channels, out_channels, kernel_size, bias=False)"
INIT_ARGUMENTS = "in_channels, out_channels, kernel_size"
SIGNATURE = (
    'extern "C" void $function(const float* $in, const float* $weight, float* $out, '
    "long $channels, long $filters, long D, long H, long W) {"
)
CALL = """
w = self.conv.weight.flip$flip.transpose(0, 1).contiguous()
x = nn.functional.pad(x, (2, 2, 2, 2, 2, 2))
N, C, D, H, W = x.shape
out = torch.empty(N, w.shape[0], D - 2, H - 2, W - 2)
for a, b in zip(x, out):
    {lib}.$function(a, w, b, C, w.shape[0], D, H, W)
return out
"""


def _module(s: Style, source: str, **given: object) -> str:
    return s.module(
        cpp(
            s,
            source,
            **given,
            place="(($channel * D + $z + $tap / 3) * H + $y + $tap % 3) * W",
        ),
        fill(s, CALL, flip=s.slip("axis", "(2, 3, 4)", "(2, 3)")),
        arguments="x",
        init=INIT,
        init_arguments=INIT_ARGUMENTS,
    )


def _torch(s: Style, forward: str) -> str:
    return s.torch_module(forward, arguments="x", init=INIT, init_arguments=INIT_ARGUMENTS)


@approach(70, "naive")
def direct_loops(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $filter = 0; $filter < $filters; $filter++)
        for (long $z = 0; $z < D - 2; $z++)
            for (long $y = 0; $y < H - 2; $y++)
                for (long $x = 0; $x < W - 2; $x++) {
                    $start
                    const float* $kernel = $weight + $filter * $channels * 27;
                    //@loop
                    for (long $channel = 0; $channel < $channels; $channel++)
                        for (long $tap = 0; $tap < $taps; $tap++)
                            for (long $kx = 0; $kx < 3; $kx++)
                                $acc += *$kernel++ * $in[$place + $x + $kx];
                    *$out++ = $acc;
                }
}""",
        start=s.slip("init", "float $acc = 0.0f;", "static float $acc = 0.0f;"),
        taps=s.slip("bounds", "9", "8"),
    )


@approach(70, "naive")
def torch_conv(s: Style) -> str:
    extra = s.slip("shape", "", ", padding=1")
    return _torch(
        s,
        s.vary(
            [
                f"return F.conv_transpose3d(x, self.conv.weight{extra})",
                f"return torch.conv_transpose3d(x, self.conv.weight{extra})",
                f"w = self.conv.weight\nreturn F.conv_transpose3d(x, w{extra})",
            ]
        ),
    )


@approach(70, "naive")
def flipped_conv(s: Style) -> str:
    flip = s.slip("axis", "(2, 3, 4)", "(2, 3)")
    pad = s.slip("shape", "2", "1")
    turn = s.vary(["transpose(0, 1)", "swapaxes(0, 1)", "permute(1, 0, 2, 3, 4)"])
    return _torch(
        s, f"w = self.conv.weight.flip{flip}.{turn}\nreturn F.conv3d(x, w, padding={pad})"
    )


@approach(70, "good")
def row_axpy(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $filter = 0; $filter < $filters; $filter++)
        for (long $z = 0; $z < D - 2; $z++)
            for (long $y = 0; $y < H - 2; $y++, $out += W - 2) {
                $start
                const float* $kernel = $weight + $filter * $channels * 27;
                for (long $channel = 0; $channel < $channels; $channel++)
                    for (long $tap = 0; $tap < 9; $tap++, $kernel += 3) {
                        const float* $src = $in + $place;
                        #pragma omp simd
                        for (long $x = 0; $x < W - 2; $x++)
                            $out[$x] $add $kernel[0] * $src[$x] + $kernel[1] * $src[$x + 1]
                                ... + $kernel[2] * $src[$x + 2];
                    }
            }
}""",
        start=s.slip(
            "init", "for (long $x = 0; $x < W - 2; $x++) $out[$x] = 0.0f;", "$out[0] = 0.0f;"
        ),
        add=s.slip("typo-name", "+=", "="),
    )


@approach(70, "expert")
def register_blocks(s: Style) -> str:
    return _module(
        s,
        VECTOR
        + SIGNATURE
        + """
    for (long $filter = 0; $filter < $filters; $filter += $few)
        for (long $z = 0; $z < D - 2; $z++)
            for (long $y = 0; $y < H - 2; $y++)
                for (long $x = 0; $x < W - 2; $x += 16) {
                    //@tile
                    $vec $acc[$few][2] = {};
                    const float* $kernel = $weight + $filter * $channels * 27;
                    for (long $channel = 0; $channel < $channels; $channel++)
                        for (long $tap = 0; $tap < 9; $tap++)
                            for (long $kx = 0; $kx < 3; $kx++, $kernel++) {
                                const $vec* $src = (const $vec*)($in + $place + $x + $kx);
                                for (long $i = 0; $i < $few; $i++) {
                                    $acc[$i][0] += $kernel[$i * $channels * 27] * $src[0];
                                    $acc[$i][1] += $kernel[$i * $channels * 27] * $src[$one];
                                }
                            }
                    for (long $i = 0; $i < $few; $i++) {
                        $vec* $dst = ($vec*)($out + ((($filter + $i) * (D - 2) + $z)
                            ... * (H - 2) + $y) * (W - 2) + $x);
                        $dst[0] = $acc[$i][0];
                        $dst[1] = $acc[$i][$second];
                    }
                }
}""",
        few=s.vary([2, 4]),
        one=s.slip("bounds", "1", "0"),
        second=s.slip("typo-name", "1", "0"),
    )


@approach(70, "good")
def matmul_fold(s: Style) -> str:
    end = s.slip("bounds", "2", "3")
    a, b, c = s.vary([("i", "j", "k"), ("a", "b", "c"), ("dz", "dy", "dx")])
    return _torch(
        s,
        "N, C, D, H, W = x.shape\nw = self.conv.weight\n"
        "out = x.new_zeros(N, w.shape[1], D + 2, H + 2, W + 2)\n"
        'y = torch.einsum("coijk,ncdhw->ijknodhw", w, x)\n'
        f"for {a} in range(3):\n    for {b} in range(3):\n        for {c} in range({end} + 1):\n"
        f"            out[:, :, {a}:{a} + D, {b}:{b} + H, {c}:{c} + W] += y[{a}, {b}, {c}]\n"
        "return out",
    )


@approach(70, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return _torch(s, f"return F.conv_transpose3d(x.{kind}(), self.conv.weight.{kind}()).float()")


@approach(70, "naive", mode="body")
def conv_body(s: Style) -> str:
    extra = s.slip("shape", "", ", padding=1")
    return s.body(
        s.vary(
            [
                f"return F.conv_transpose3d(x, self.conv.weight{extra})\n",
                f"return torch.conv_transpose3d(x, self.conv.weight{extra})\n",
                f"w = self.conv.weight\nreturn F.conv_transpose3d(x, w{extra})\n",
            ]
        )
    )


@approach(70, "good", mode="body")
def flipped_conv_body(s: Style) -> str:
    flip = s.slip("axis", "(2, 3, 4)", "(2, 3)")
    pad = s.slip("shape", "2", "1")
    turn = s.vary(["transpose(0, 1)", "swapaxes(0, 1)", "permute(1, 0, 2, 3, 4)"])
    return s.body(f"w = self.conv.weight.flip{flip}.{turn}\nreturn F.conv3d(x, w, padding={pad})\n")
