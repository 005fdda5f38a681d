"""82: one 3 x 3 filter per channel: bound by memory, if no tap goes through memory twice."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import Write, cpp, fill

INIT = (
    "self.conv = nn.Conv2d(in_channels, in_channels, kernel_size, groups=in_channels, bias=False)"
)
SIGNATURE = (
    'extern "C" void $function(const float* $in, const float* $weight, float* $out, '
    "long $batch, long $channels, long H, long W) {"
)
CALL = """
N, C, H, W = x.shape
out = torch.empty(N, C, H - 2, W - 2)
{lib}.$function(x, self.conv.weight, out, N, C, H, W)
return out
"""


def _module(s: Style, source: str, **given: object) -> str:
    return s.module(
        cpp(s, source, **given),
        fill(s, CALL.replace("H, W)", "H, W, 3)") if "long K" in source else CALL),
        arguments="x",
        init=INIT,
        init_arguments="in_channels, kernel_size",
    )


def _body(s: Style, source: str, **given: object) -> str:
    return s.body(fill(s, CALL), cpp(s, source, **given))


def _torch(s: Style, forward: str) -> str:
    return s.torch_module(
        forward, arguments="x", init=INIT, init_arguments="in_channels, kernel_size"
    )


@approach(82, "naive")
def direct_loops(s: Style) -> str:
    return _module(
        s,
        SIGNATURE.replace("long W)", "long W, long K)")
        + """
    for (long $channel = 0; $channel < $batch * $channels; $channel++)
        for (long $y = 0; $y < H - 2; $y++)
            for (long $x = 0; $x < W - $edge; $x++) {
                $start
                //@loop
                for (long $ky = 0; $ky < K; $ky++)
                    for (long $kx = 0; $kx < K; $kx++)
                        $acc += $weight[($channel % $channels * K + $ky) * K + $kx]
                            ... * $in[($channel * H + $y + $row) * W + $x + $kx];
                *$out++ = $acc;
            }
}""",
        start=s.slip("init", "float $acc = 0.0f;", "static float $acc = 0.0f;"),
        edge=s.slip("bounds", "2", "3"),
        row=s.slip("axis", "$ky", "$kx"),
    )


@approach(82, "naive")
def torch_groups(s: Style) -> str:
    groups = s.slip("shape", "x.shape[1]", "1")
    return _torch(
        s,
        s.vary(
            [
                f"return F.conv2d(x, self.conv.weight, groups={groups})",
                f"return torch.conv2d(x, self.conv.weight, groups={groups})",
                f"return F.conv2d(x, self.conv.weight, bias=None, groups={groups})",
            ]
        ),
    )


@approach(82, "good")
def row_axpy(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $channel = 0; $channel < $batch * $channels; $channel++)
        for (long $y = 0; $y < H - 2; $y++, $out += W - 2) {
            $start
            for (long $tap = 0; $tap < 9; $tap++) {
                float $value = $weight[$channel $mod $channels * 9 + $tap];
                const float* $src = $in + ($channel * H + $y + $tap / 3) * W + $tap % 3;
                #pragma omp simd
                for (long $x = 0; $x < W - 2; $x++) $out[$x] += $value * $src[$x];
            }
        }
}""",
        start=s.slip(
            "init", "for (long $x = 0; $x < W - 2; $x++) $out[$x] = 0.0f;", "$out[0] = 0.0f;"
        ),
        mod=s.slip("bounds", "%", "/"),
    )


@approach(82, "good")
def torch_shifts(s: Style) -> str:
    add = s.slip("typo-name", "addcmul_", "addcdiv_")
    edge = s.slip("bounds", "range(3)", "range(2)")
    a, b = s.vary([("i", "j"), ("ky", "kx"), ("dy", "dx")])
    return _torch(
        s,
        "w, H, W = self.conv.weight, x.shape[2] - 2, x.shape[3] - 2\n"
        "out = x.new_zeros(x.shape[0], x.shape[1], H, W)\n"
        f"for {a} in range(3):\n    for {b} in {edge}:\n"
        f"        out.{add}(x[:, :, {a}:{a} + H, {b}:{b} + W], "
        f"w[:, :, {a}, {b}, None].view(1, -1, 1, 1))\n"
        "return out",
    )


def _nine_taps(s: Style, write: Write) -> str:
    return write(
        s,
        SIGNATURE
        + """
    $parallel
    for (long $channel = 0; $channel < $batch * $channels; $channel++) {
        const float* $kernel = $weight + $channel % $channels * 9;
        for (long $y = 0; $y < H - 2; $y++) {
            const float* $src = $in + ($channel * H + $y) * W;
            float* $dst = $out + ($channel * (H - 2) + $y) * (W - 2);
            //@loop
            #pragma omp simd
            for (long $x = 0; $x < W - 2; $x++)
                $dst[$x] = $src[$x] * $kernel[0] + $src[$x + 1] * $kernel[1] + $src[$x + 2]
                    ... * $kernel[2]
                    + $src[W + $x] * $kernel[3] + $src[W + $x + 1] * $kernel[4] + $src[W
                        ... + $x + 2] * $kernel[5]
                    + $src[2 * W + $x] * $kernel[6] + $src[2 * W + $x + 1] * $kernel[7]
                        ... + $src[$last] * $kernel[8];
        }
    }
}""",
        parallel=s.vary(["#pragma omp parallel for", "#pragma omp parallel for schedule(static)"]),
        last=s.slip("bounds", "2 * W + $x + 2", "W + $x + 2"),
    )


@approach(82, "expert")
def nine_taps(s: Style) -> str:
    return _nine_taps(s, _module)


@approach(82, "expert", mode="body")
def nine_taps_body(s: Style) -> str:
    return _nine_taps(s, _body)


@approach(82, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return _torch(
        s,
        f"w = self.conv.weight.{kind}()\nreturn F.conv2d(x.{kind}(), w, groups=x.shape[1]).float()",
    )


@approach(82, "naive", mode="body")
def groups_body(s: Style) -> str:
    groups = s.slip("shape", "x.shape[1]", "1")
    return s.body(
        s.vary(
            [
                f"return F.conv2d(x, self.conv.weight, groups={groups})\n",
                f"return torch.conv2d(x, self.conv.weight, groups={groups})\n",
                f"w = self.conv.weight\nreturn F.conv2d(x, w, groups={groups})\n",
            ]
        )
    )


@approach(82, "good", mode="body")
def shifts_body(s: Style) -> str:
    a, b = s.vary([("i", "j"), ("ky", "kx"), ("dy", "dx")])
    edge = s.slip("bounds", "range(3)", "range(2)")
    return s.body(
        "w, H, W = self.conv.weight, x.shape[2] - 2, x.shape[3] - 2\n"
        f"return sum(x[:, :, {a}:{a} + H, {b}:{b} + W] * w[:, 0, {a}, {b}].view(-1, 1, 1)"
        f" for {a} in {edge} for {b} in range(3))\n"
    )
