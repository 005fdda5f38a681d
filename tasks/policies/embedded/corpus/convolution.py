"""What convolutions share: one image per call, weights as [filters][channels][taps].

A transposed convolution with stride 1 is a convolution of the padded input with the flipped kernel,
so the same texts serve problems 55, 65 and 70; only the taps differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import cpp, fill

VECTOR = "typedef float $vec __attribute__((vector_size(32), aligned(4), may_alias));\n"
SIGNATURE = (
    'extern "C" void $function(const float* $in, const float* $weight, float* $out, '
    "long $channels, long $filters, long H, long W) {"
)


@dataclass(frozen=True)
class Convolution:
    """The shape of one operator's kernel, and how its module calls the C function."""

    init: str
    init_arguments: str
    taps: tuple[int, int]
    """Rows and columns of the kernel."""
    blocks: tuple[int, ...]
    """Divisors of the number of filters, for register blocks."""
    transposed: bool = False

    def module(self, s: Style, source: str, **given: object) -> str:
        """The whole candidate around the C++ `source`."""
        rows, columns = self.taps
        return s.module(
            cpp(
                s,
                source,
                **given,
                size=rows * columns,
                columns=columns,
                oh=f"H - {rows - 1}",
                ow=f"W - {columns - 1}",
            ),
            self.forward(s),
            arguments="x",
            init=self.init,
            init_arguments=self.init_arguments,
        )

    def torch(self, s: Style, forward: str) -> str:
        """The whole candidate with this `forward` in plain torch."""
        return s.torch_module(
            forward, arguments="x", init=self.init, init_arguments=self.init_arguments
        )

    def forward(self, s: Style) -> str:
        """Weights and padding made ready, one call per image."""
        rows, columns = self.taps
        lines = ["w = self.conv.weight"]
        if self.transposed:
            flip = s.slip("axis", "(2, 3)", "(2,)")
            pad = s.slip(
                "shape", f"({columns - 1}, {columns - 1}, {rows - 1}, {rows - 1})", "(1, 1)"
            )
            lines = [f"w = self.conv.weight.flip{flip}.transpose(0, 1).contiguous()"]
            lines.append(f"x = nn.functional.pad(x, {pad})")
        lines.append("N, C, H, W = x.shape")
        lines.append(f"out = torch.empty(N, w.shape[0], H - {rows - 1}, W - {columns - 1})")
        lines.append("for a, b in zip(x, out):")
        lines.append("    {lib}.$function(a, w, b, C, w.shape[0], H, W)")
        lines.append("return out")
        return fill(s, "\n".join(lines))

    def scalar(self, s: Style) -> str:
        """One output at a time."""
        return self.module(
            s,
            SIGNATURE
            + """
    for (long $filter = 0; $filter < $filters; $filter++)
        for (long $y = 0; $y < $oh; $y++)
            for (long $x = 0; $x < $ow; $x++) {
                $start
                const float* $kernel = $weight + $filter * $channels * $size;
                //@loop
                for (long $channel = 0; $channel < $channels; $channel++)
                    for (long $tap = 0; $tap < $size; $tap++)
                        $acc += *$kernel++ * $in[($channel * H + $y + $tap $div $columns)
                            ... * W + $x + $tap $mod $columns];
                *$out++ = $acc;
            }
}""",
            start=s.slip("init", "float $acc = 0.0f;", "static float $acc = 0.0f;"),
            div=s.slip("axis", "/", "%"),
            mod="%",
        )

    def row_axpy(self, s: Style) -> str:
        """One tap times a whole row, added to a row of the output."""
        return self.module(
            s,
            SIGNATURE
            + """
    for (long $filter = 0; $filter < $filters; $filter++)
        for (long $y = 0; $y < $oh; $y++, $out += $ow) {
            $start
            const float* $kernel = $weight + $filter * $channels * $size;
            for (long $channel = 0; $channel < $channels; $channel++)
                for (long $tap = 0; $tap < $size; $tap++, $kernel++) {
                    const float* $src = $in + ($channel * H + $y + $tap / $columns) * W
                        ... + $tap % $columns;
                    #pragma omp simd
                    for (long $x = 0; $x < $ow; $x++) $out[$x] $add *$kernel * $src[$x];
                }
        }
}""",
            start=s.slip(
                "init", "for (long $x = 0; $x < $ow; $x++) $out[$x] = 0.0f;", "$out[0] = 0.0f;"
            ),
            add=s.slip("typo-name", "+=", "="),
        )

    def blocked(self, s: Style) -> str:
        """Some filters times two vectors of pixels, kept in registers over all taps."""
        return self.module(
            s,
            VECTOR
            + SIGNATURE
            + """
    for (long $filter = 0; $filter < $filters; $filter += $few)
        for (long $y = 0; $y < $oh; $y++)
            for (long $tile = 0; $tile < $ow; $tile += 16) {
                long $x = $clamp;
                //@tile
                $vec $acc[$few][2] = {};
                const float* $kernel = $weight + $filter * $channels * $size;
                for (long $channel = 0; $channel < $channels; $channel++)
                    for (long $tap = 0; $tap < $size; $tap++, $kernel++) {
                        const $vec* $src = (const $vec*)($in + ($channel * H + $y
                            ... + $tap / $columns) * W + $x + $tap % $columns);
                        for (long $i = 0; $i < $few; $i++) {
                            $acc[$i][0] += $kernel[$i * $channels * $size] * $src[0];
                            $acc[$i][1] += $kernel[$i * $channels * $size] * $src[1];
                        }
                    }
                for (long $i = 0; $i < $few; $i++) {
                    $vec* $dst = ($vec*)($out + (($filter + $i) * ($oh) + $y) * ($ow) + $x);
                    $dst[0] = $acc[$i][0];
                    $dst[1] = $acc[$i][$second];
                }
            }
}""",
            few=s.vary(self.blocks),
            clamp=s.slip("bounds", "$tile < $ow - 16 ? $tile : $ow - 16", "$tile"),
            second=s.slip("typo-name", "1", "0"),
        )
