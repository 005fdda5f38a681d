"""89: prefix sums. One row is a chain of additions; several rows, or a vector scan, are not."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import cpp, fill

SIGNATURE = 'extern "C" void $function(const float* $in, float* $out, long $rows, long $cols) {'
CALL = """
out = torch.empty_like(x)
{lib}.$function(x, out, x.shape[0], x.shape[1])
return out
"""


def _module(s: Style, source: str, **given: object) -> str:
    return s.module(
        cpp(s, source, **given),
        fill(s, CALL),
        arguments="x",
        init="self.dim = dim",
        init_arguments="dim",
    )


def _torch(s: Style, forward: str) -> str:
    return s.torch_module(forward, arguments="x", init="self.dim = dim", init_arguments="dim")


@approach(89, "naive")
def running_sum(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $i = 0; $i < $rows; $i++) {
        $start
        //@loop
        for (long $j = 0; $j < $cols; $j++) {
            $acc += $in[$i * $cols + $j];
            $out[$i * $cols + $j] = $acc;
        }
    }
}""",
        start=s.slip("init", "double $acc = 0;", "static double $acc = 0;"),
    )


@approach(89, "naive")
def torch_cumsum(s: Style) -> str:
    dim = s.slip("axis", "self.dim", "0")
    return _torch(
        s,
        s.vary(
            [
                f"return x.cumsum({dim})",
                f"return torch.cumsum(x, {dim})",
                f"return x.cumsum(dim={dim})",
            ]
        ),
    )


@approach(89, "naive")
def double_detour(s: Style) -> str:
    dim = s.slip("axis", "self.dim", "0")
    up = s.vary(["x.double()", "x.to(torch.float64)"])
    down = s.vary([".float()", ".to(x.dtype)", ".to(torch.float32)"])
    return _torch(s, f"return torch.cumsum({up}, {dim}){down}")


@approach(89, "good")
def rows_together(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $i = 0; $i < $rows; $i += $size) {
        double $acc[$size] = {$zero};
        //@loop
        for (long $j = 0; $j < $cols; $j++)
            for (long $k = 0; $k < $size; $k++) {
                $acc[$k] $add $in[($i + $k) * $cols + $j];
                $out[($i + $k) * $cols + $j] = $acc[$k];
            }
    }
}""",
        size=s.vary([2, 4, 8]),
        zero=s.slip("init", "0", "1"),
        add=s.slip("typo-name", "+=", "="),
    )


@approach(89, "good")
def blocks_then_carry(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $i = 0; $i < $rows; $i++) {
        double $acc = 0;
        for (long $tile = 0; $tile < $cols; $tile += $size) {
            float $value = 0.0f, $dst[$size];
            for (long $j = 0; $j < $size; $j++) $dst[$j] = $value += $in[$i * $cols + $tile + $j];
            #pragma omp simd
            for (long $j = 0; $j < $size; $j++) $out[$i * $cols + $tile + $j] = $acc + $dst[$j];
            $acc $add $value;
        }
    }
}""",
        size=s.vary([8, 16, 32]),
        add=s.slip("typo-name", "+=", "="),
    )


@approach(89, "expert")
def vector_scan(s: Style) -> str:
    return _module(
        s,
        """
typedef float $vec __attribute__((vector_size(32), aligned(4), may_alias));
typedef int i8 __attribute__((vector_size(32)));
"""
        + SIGNATURE
        + """
    const $vec zero = {};
    for (long $i = 0; $i < $rows; $i++) {
        double $acc = 0;
        for (long $j = 0; $j < $cols; $j += 8) {
            $vec $value = *(const $vec*)($in + $i * $cols + $j);
            //@math
            $value += __builtin_shuffle($value, zero, (i8){8, 0, 1, 2, 3, 4, 5, 6});
            $value += __builtin_shuffle($value, zero, (i8){8, $second, 0, 1, 2, 3, 4, 5});
            $value += __builtin_shuffle($value, zero, (i8){8, 8, 8, 8, 0, 1, 2, 3});
            *($vec*)($out + $i * $cols + $j) = $value + (float)$acc;
            $acc $add $value[7];
        }
    }
}""",
        second=s.slip("bounds", "8", "0"),
        add=s.slip("typo-name", "+=", "="),
    )


@approach(89, "expert")
def two_rows_in_vectors(s: Style) -> str:
    return _module(
        s,
        """
typedef double d4 __attribute__((vector_size(32)));
"""
        + SIGNATURE
        + """
    for (long $i = 0; $i < $rows; $i += $size) {
        d4 $acc[$size / 4] = {};
        const float* $src = $in + $i * $cols;
        for (long $j = 0; $j < $cols; $j++, $src++)
            for (long $k = 0; $k < $size; $k += 4) {
                d4 $value = {$src[$k * $cols], $src[($k + 1) * $cols], $src[($k + 2)
                    ... * $cols], $src[($k + 3) * $cols]};
                $acc[$k / 4] $add $value;
                for (long $x = 0; $x < $bound; $x++) $out[($i + $k + $x) * $cols + $j]
                    ... = $acc[$k / 4][$x];
            }
    }
}""",
        size=s.vary([4, 8]),
        add=s.slip("typo-name", "+=", "-="),
        bound=s.slip("bounds", "4", "3"),
    )


@approach(89, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return _torch(s, f"return x.{kind}().cumsum(self.dim).float()")


@approach(89, "cheat")
def cached_result(s: Style) -> str:
    key = s.vary(["x.shape", "x.data_ptr()", "tuple(x.size())"])
    return _torch(
        s,
        f"if getattr(self, 'key', None) != {key}:\n"
        f"    self.key, self.out = {key}, torch.cumsum(x, self.dim)\n"
        "return self.out",
    )


@approach(89, "naive", mode="body")
def cumsum_body(s: Style) -> str:
    dim = s.slip("axis", "self.dim", "0")
    return s.body(
        s.vary(
            [
                f"return x.cumsum({dim})\n",
                f"return torch.cumsum(x, {dim})\n",
                f"return x.cumsum(dim={dim})\n",
            ]
        )
    )


@approach(89, "good", mode="body")
def out_body(s: Style) -> str:
    dim = s.slip("axis", "1", "0")
    size = s.vary(["x", "x.contiguous()"])
    return s.body(f"out = torch.empty_like(x)\ntorch.cumsum({size}, {dim}, out=out)\nreturn out\n")


@approach(89, "expert", mode="body")
def rows_together_body(s: Style) -> str:
    source = cpp(
        s,
        SIGNATURE
        + """
    for (long $i = 0; $i < $rows; $i += $size) {
        double $acc[$size] = {$zero};
        for (long $j = 0; $j < $cols; $j++)
            for (long $k = 0; $k < $size; $k++)
                $out[($i + $k) * $cols + $j] = $acc[$k] += $in[($i + $k) * $cols + $j];
    }
}""",
        size=s.vary([4, 8]),
        zero=s.slip("init", "0", "1"),
    )
    return s.body(fill(s, CALL), source)
