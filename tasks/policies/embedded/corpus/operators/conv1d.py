"""76: stride 3 and dilation 4 read with gaps: gather once into a buffer, use it for all filters."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.convolution import VECTOR
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import cpp, fill

INIT = (
    "self.conv = nn.Conv1d(\n"
    "    in_channels, out_channels, kernel_size, stride=stride, dilation=dilation, bias=False\n)"
)
INIT_ARGUMENTS = "in_channels, out_channels, kernel_size, stride, dilation"
SIGNATURE = (
    'extern "C" void $function(const float* $in, const float* $weight, float* $out, '
    "long $channels, long $filters, long L, long T) {"
)
CALL = """
N, C, L = x.shape
w = self.conv.weight
out = torch.empty(N, w.shape[0], $length)
for a, b in zip(x, out):
    {lib}.$function(a, w, b, C, w.shape[0], L, out.shape[2])
return out
"""


def _module(s: Style, source: str, **given: object) -> str:
    length = s.slip("shape", "(L - 9) // 3 + 1", "(L - 8) // 3")
    return s.module(
        cpp(s, source, **given),
        fill(s, CALL, length=length),
        arguments="x",
        init=INIT,
        init_arguments=INIT_ARGUMENTS,
    )


def _torch(s: Style, forward: str) -> str:
    return s.torch_module(forward, arguments="x", init=INIT, init_arguments=INIT_ARGUMENTS)


@approach(76, "naive")
def direct_loops(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $filter = 0; $filter < $filters; $filter++)
        for (long $x = 0; $x < T; $x++) {
            $start
            //@loop
            for (long $channel = 0; $channel < $channels; $channel++)
                for (long $tap = 0; $tap < 3; $tap++)
                    $acc += $weight[($filter * $channels + $channel) * 3 + $tap]
                        ... * $in[$channel * L + $step];
            *$out++ = $acc;
        }
}""",
        start=s.slip("init", "float $acc = 0.0f;", "static float $acc = 0.0f;"),
        step=s.slip("axis", "$x * 3 + $tap * 4", "$x * 4 + $tap * 3"),
    )


@approach(76, "naive")
def torch_conv(s: Style) -> str:
    rest = s.slip("shape", "stride=3, dilation=4", "stride=4, dilation=3")
    return _torch(
        s,
        s.vary(
            [
                f"return F.conv1d(x, self.conv.weight, {rest})",
                f"return torch.conv1d(x, self.conv.weight, {rest})",
                f"return F.conv1d(x, self.conv.weight, bias=None, {rest})",
            ]
        ),
    )


@approach(76, "naive")
def strided_einsum(s: Style) -> str:
    pick = s.slip("axis", "[..., ::4]", "[..., ::3]")
    step = s.slip("shape", "3", "4")
    rule = s.vary(["ock,nctk->not", "ock,nclk->nol"])
    return _torch(
        s,
        f"cols = x.unfold(2, 9, {step}){pick}\n"
        f'return torch.einsum("{rule}", self.conv.weight, cols)',
    )


@approach(76, "good")
def strided_axpy(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $filter = 0; $filter < $filters; $filter++, $out += T) {
        const float* $kernel = $weight + $filter * $channels * 3;
        $start
        for (long $channel = 0; $channel < $channels; $channel++, $kernel += 3) {
            const float* $src = $in + $channel * L;
            #pragma omp simd
            for (long $x = 0; $x < T; $x++)
                $out[$x] $add $kernel[0] * $src[3 * $x] + $kernel[1] * $src[3 * $x + 4]
                    ... + $kernel[2] * $src[3 * $x + 8];
        }
    }
}""",
        start=s.slip("init", "for (long $x = 0; $x < T; $x++) $out[$x] = 0.0f;", "$out[0] = 0.0f;"),
        add=s.slip("typo-name", "+=", "="),
    )


@approach(76, "good")
def dense_taps(s: Style) -> str:
    scale = s.slip("shape", "4", "3")
    zeros = s.vary(["w.new_zeros", "torch.zeros"])
    return _torch(
        s,
        "w = self.conv.weight\n"
        f"dense = {zeros}(w.shape[0], w.shape[1], 9)\n"
        f"dense[:, :, ::{scale}] = w\nreturn F.conv1d(x, dense, stride=3)",
    )


@approach(76, "expert")
def gathered_tiles(s: Style) -> str:
    return _module(
        s,
        VECTOR
        + SIGNATURE
        + """
    for (long $tile = 0; $tile < T; $tile += $size) {
        long $x = $clamp;
        float $src[12][$size];
        //@tile
        for (long $tap = 0; $tap < 12; $tap++)
            for (long $i = 0; $i < $size; $i++)
                $src[$tap][$i] = $in[$tap / 3 * L + $tap % 3 * 4 + ($x + $i) * 3];
        for (long $filter = 0; $filter < $filters; $filter++) {
            $vec $acc[$size / 8] = {};
            for (long $tap = 0; $tap < 12; $tap++)
                for (long $i = 0; $i < $size / 8; $i++)
                    $acc[$i] $add $weight[$filter * 12 + $tap] * (($vec*)$src[$tap])[$i];
            for (long $i = 0; $i < $size / 8; $i++) (($vec*)($out + $filter * T + $x))[$i]
                ... = $acc[$i];
        }
    }
}""",
        size=s.vary([16, 32, 64]),
        clamp=s.slip("bounds", "$tile < T - $size ? $tile : T - $size", "$tile"),
        add=s.slip("typo-name", "+=", "="),
    )


@approach(76, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return _torch(
        s,
        f"w = self.conv.weight.{kind}()\n"
        f"return F.conv1d(x.{kind}(), w, stride=3, dilation=4).float()",
    )


@approach(76, "naive", mode="body")
def conv_body(s: Style) -> str:
    rest = s.slip("shape", "stride=3, dilation=4", "stride=4, dilation=3")
    return s.body(
        s.vary(
            [
                f"return F.conv1d(x, self.conv.weight, {rest})\n",
                f"return torch.conv1d(x, self.conv.weight, {rest})\n",
                f"w = self.conv.weight\nreturn F.conv1d(x, w, {rest})\n",
            ]
        )
    )


@approach(76, "good", mode="body")
def conv2d_body(s: Style) -> str:
    rest = s.slip("axis", "stride=(1, 3), dilation=(1, 4)", "stride=(3, 1), dilation=(4, 1)")
    image = s.vary(["x.unsqueeze(2)", "x[:, :, None]"])
    return s.body(
        f"w = self.conv.weight.unsqueeze(2)\nreturn F.conv2d({image}, w, {rest}).squeeze(2)\n"
    )
