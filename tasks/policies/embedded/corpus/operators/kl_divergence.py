"""98: Kullback-Leibler divergence. One logarithm per element: log(t) - log(p) is log(t / p)."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import Write, cpp, fill

# log(x) = e ln 2 + log(m) with m in [sqrt(1/2), sqrt(2)), and log(m) = 2 artanh((m - 1) / (m + 1)).
FAST_LOG = """
static inline float $log(float $in) {
    int bits;
    __builtin_memcpy(&bits, &$in, 4);
    int e = (bits - 0x3f3504f3) >> 23;
    bits -= e << 23;
    __builtin_memcpy(&$in, &bits, 4);
    //@math
    float f = ($in - 1.0f) / ($in + $one), z = f * f;
    return e * 0.69314718f + 2.0f * f * (1.0f + z * (0.33333333f + z * (0.2f + z
        ... * (0.14285714f + z * 0.11111111f))));
}
"""
SIGNATURE = (
    'extern "C" void $function(const float* $logits, const float* $target, float* $out, '
    "long $rows, long $cols) {"
)
CALL = """
out = torch.empty(())
{lib}.$function(predictions, targets, out, *targets.shape)
return out
"""
ARGUMENTS = "predictions, targets"


def _module(s: Style, source: str, **given: object) -> str:
    return s.module(cpp(s, source, **given), fill(s, CALL), arguments=ARGUMENTS)


def _body(s: Style, source: str, **given: object) -> str:
    return s.body(fill(s, CALL), cpp(s, source, **given))


@approach(98, "naive")
def two_logarithms(s: Style) -> str:
    return _module(
        s,
        "#include <math.h>\n"
        + SIGNATURE
        + """
    double $loss = $zero;
    //@loop
    for (long $i = 0; $i < $rows * $cols; $i++)
        if ($target[$i] > 0) $loss += $target[$i] * (logf($target[$i]) $minus logf($logits[$i]));
    $out[0] = $loss / $mean;
}""",
        zero=s.slip("init", "0", "1"),
        minus=s.slip("typo-name", "-", "+"),
        mean=s.slip("axis", "$rows", "$cols"),
    )


@approach(98, "naive")
def torch_by_hand(s: Style) -> str:
    order = s.slip("axis", "targets.log() - predictions.log()", "predictions.log() - targets.log()")
    mean = s.vary([" / targets.shape[0]", " / len(targets)", " / targets.size(0)"])
    return s.torch_module(f"return (targets * ({order})).sum(){mean}", arguments=ARGUMENTS)


@approach(98, "naive")
def torch_kl_div(s: Style) -> str:
    kind = s.slip("axis", "sum", "mean")
    mean = s.vary([" / targets.shape[0]", " / len(targets)", " / targets.size(0)"])
    return s.torch_module(
        f'return F.kl_div(predictions.log(), targets, reduction="{kind}"){mean}',
        arguments=ARGUMENTS,
    )


@approach(98, "good")
def torch_one_log(s: Style) -> str:
    order = s.slip("axis", "targets / predictions", "predictions / targets")
    mean = s.vary([" / targets.shape[0]", " / len(targets)", " / targets.size(0)"])
    return s.torch_module(
        f"ratio = ({order}).log_()\nreturn ratio.mul_(targets).sum(){mean}", arguments=ARGUMENTS
    )


@approach(98, "good")
def torch_row_dots(s: Style) -> str:
    order = s.slip("axis", "targets / predictions", "predictions / targets")
    mean = s.vary([".mean()", ".sum() / targets.shape[0]", ".sum() / len(targets)"])
    rule = s.vary(["ij,ij->i", "mn,mn->m", "bc,bc->b"])
    return s.torch_module(
        f'ratio = ({order}).log_()\nreturn torch.einsum("{rule}", ratio, targets){mean}',
        arguments=ARGUMENTS,
    )


def _polynomial_log(s: Style, write: Write) -> str:
    return write(
        s,
        FAST_LOG
        + SIGNATURE
        + """
    double $loss = 0;
    for (long $i = 0; $i < $rows * $cols; $i += $cols) {
        float $acc = $zero;
        #pragma omp simd reduction(+:$acc)
        for (long $j = $i; $j < $i + $cols; $j++) $acc += $target[$j] * $log($ratio);
        $loss += $acc;
    }
    $out[0] = $loss / $rows;
}""",
        one=s.slip("typo-name", "1.0f", "2.0f"),
        zero=s.slip("init", "0.0f", "1.0f"),
        ratio=s.slip("axis", "$target[$j] / $logits[$j]", "$logits[$j] / $target[$j]"),
    )


@approach(98, "expert")
def polynomial_log(s: Style) -> str:
    return _polynomial_log(s, _module)


@approach(98, "expert", mode="body")
def polynomial_log_body(s: Style) -> str:
    return _polynomial_log(s, _body)


@approach(98, "expert")
def polynomial_log_threads(s: Style) -> str:
    return _module(
        s,
        FAST_LOG
        + SIGNATURE
        + """
    double $loss = 0;
    #pragma omp parallel for simd reduction(+:$loss)$schedule
    for (long $i = 0; $i < $rows * $cols; $i++)
        $loss += $target[$i] * $log($ratio);
    $out[0] = $loss / $mean;
}""",
        one=s.slip("typo-name", "1.0f", "2.0f"),
        schedule=s.vary(["", " schedule(static)"]),
        ratio=s.slip("axis", "$target[$i] / $logits[$i]", "$logits[$i] / $target[$i]"),
        mean=s.slip("axis", "$rows", "$cols"),
    )


@approach(98, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16()", "to(torch.bfloat16)"])
    return s.torch_module(
        f"p, t = predictions.{kind}, targets.{kind}\n"
        'return F.kl_div(p.log(), t, reduction="batchmean").float()',
        arguments=ARGUMENTS,
    )


@approach(98, "cheat")
def first_rows(s: Style) -> str:
    part = s.vary([16, 32, 64, 128])
    return s.torch_module(
        f"p, t = predictions[:{part}], targets[:{part}]\n"
        'return F.kl_div(p.log(), t, reduction="batchmean")',
        arguments=ARGUMENTS,
    )


@approach(98, "naive", mode="body")
def by_hand_body(s: Style) -> str:
    order = s.slip("axis", "targets.log() - predictions.log()", "predictions.log() - targets.log()")
    mean = s.vary([" / targets.shape[0]", " / len(targets)", " / targets.size(0)"])
    return s.body(f"return (targets * ({order})).sum(){mean}\n")


@approach(98, "good", mode="body")
def one_log_body(s: Style) -> str:
    order = s.slip("axis", "targets / predictions", "predictions / targets")
    mean = s.vary([" / targets.shape[0]", " / len(targets)", " / targets.size(0)"])
    return s.body(f"ratio = ({order}).log_()\nreturn ratio.mul_(targets).sum(){mean}\n")
