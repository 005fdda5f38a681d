"""95: mean cross entropy. One exponential per logit; the rest is how it is computed."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import Write, cpp, fill

# exp(x) = 2^n * exp(f) with n = round(x / ln 2): adding 1.5 * 2^23 rounds, a polynomial gives
# exp(f) on |f| <= ln(2) / 2, and n goes straight into the exponent's bits.
FAST_EXP = """
static inline float $exp(float $in) {
    float $n = $in * 1.442695041f + 12582912.0f - 12582912.0f;
    float f = $in - $n * 0.693359375f + $n * 2.12194440e-4f;
    //@math
    float p = 1.0f + f * (1.0f + f * (0.5f + f * (0.16666667f + f * (0.041666667f + f
        ... * (0.0083333333f + f * 0.0013888889f)))));
    int e = (int)$n + $bias;
    e = (e < 0 ? 0 : e) << 23;
    float pow2;
    __builtin_memcpy(&pow2, &e, 4);
    return p * pow2;
}
"""
SIGNATURE = (
    'extern "C" void $function(const float* $logits, const long* $target, float* $out, '
    "long $rows, long $cols) {"
)
CALL = """
out = torch.empty(())
{lib}.$function(predictions, targets, out, *predictions.shape)
return out
"""
ARGUMENTS = "predictions, targets"


def _module(s: Style, source: str, **given: object) -> str:
    return s.module(cpp(s, source, **given), fill(s, CALL), arguments=ARGUMENTS)


def _body(s: Style, source: str, **given: object) -> str:
    return s.body(fill(s, CALL), cpp(s, source, **given))


@approach(95, "naive")
def three_passes(s: Style) -> str:
    return _module(
        s,
        "#include <math.h>\n"
        + SIGNATURE
        + """
    double $loss = 0;
    for (long $i = 0; $i < $rows; $i++) {
        const float* $src = $logits + $i * $cols;
        float $max = $src[0];
        double $acc = $zero;
        for (long $j = 1; $j < $cols; $j++) $max = $src[$j] > $max ? $src[$j] : $max;
        //@math
        for (long $j = 0; $j < $cols; $j++) $acc += expf($shift);
        $loss += log($acc) - ($src[$target[$i]] - $max);
    }
    $out[0] = $loss / $mean;
}""",
        zero=s.slip("init", "0", "1"),
        shift=s.slip("precision", "$src[$j] - $max", "$src[$j]"),
        mean=s.slip("axis", "$rows", "$cols"),
    )


@approach(95, "naive")
def log_softmax_gather(s: Style) -> str:
    dim = s.slip("axis", "1", "0")
    pick = s.vary(
        [
            "logp.gather(1, targets.unsqueeze(1))",
            "logp.gather(1, targets[:, None])",
            "logp[torch.arange(targets.numel()), targets]",
        ]
    )
    return s.torch_module(
        f"logp = torch.log_softmax(predictions, dim={dim})\nreturn -{pick}.mean()",
        arguments=ARGUMENTS,
    )


@approach(95, "naive")
def nll_of_log_softmax(s: Style) -> str:
    dim = s.slip("axis", "1", "0")
    call = s.vary(["F.log_softmax(predictions, ", "torch.log_softmax(predictions, "])
    return s.torch_module(
        f"return F.nll_loss({call}{s.vary(['dim=', ''])}{dim}), targets)", arguments=ARGUMENTS
    )


@approach(95, "good")
def logsumexp_minus_target(s: Style) -> str:
    dim = s.slip("axis", "1", "0")
    pick = s.vary(
        [
            "predictions.gather(1, targets.unsqueeze(1)).squeeze(1)",
            "predictions.gather(1, targets[:, None])[:, 0]",
            "predictions[torch.arange(targets.numel()), targets]",
        ]
    )
    sign = s.slip("typo-name", "-", "+")
    return s.torch_module(
        f"picked = {pick}\nreturn (torch.logsumexp(predictions, {dim}) {sign} picked).mean()",
        arguments=ARGUMENTS,
    )


@approach(95, "good")
def online_softmax(s: Style) -> str:
    return _module(
        s,
        "#include <math.h>\n"
        + SIGNATURE
        + """
    double $loss = 0;
    for (long $i = 0; $i < $rows; $i++) {
        const float* $src = $logits + $i * $cols;
        float $max = -INFINITY;
        double $acc = 0;
        //@loop
        for (long $j = 0; $j < $cols; $j++)
            if ($src[$j] > $max) {
                $acc = $rescaled + 1;
                $max = $src[$j];
            } else $acc += expf($src[$j] - $max);
        $loss += log($acc) - ($src[$target[$i]] - $max);
    }
    $out[0] = $loss / $mean;
}""",
        rescaled=s.slip("precision", "$acc * expf($max - $src[$j])", "$acc"),
        mean=s.slip("axis", "$rows", "$cols"),
    )


def _polynomial_exp(s: Style, write: Write) -> str:
    return write(
        s,
        "#include <math.h>\n"
        + FAST_EXP
        + SIGNATURE
        + """
    double $loss = 0;
    for (long $i = 0; $i < $rows; $i++) {
        const float* $src = $logits + $i * $cols;
        float $max = $src[0], $acc = 0.0f;
        #pragma omp simd reduction(max:$max)
        for (long $j = 0; $j < $cols; $j++) $max = $src[$j] > $max ? $src[$j] : $max;
        #pragma omp simd reduction(+:$acc)
        for (long $j = 0; $j < $cols; $j++) $acc += $exp($shift);
        $loss += log($acc) - ($src[$target[$i]] - $max);
    }
    $out[0] = $loss / $rows;
}""",
        bias=s.slip("precision", "127", "128"),
        shift=s.slip("init", "$src[$j] - $max", "$max - $src[$j]"),
    )


@approach(95, "expert")
def polynomial_exp(s: Style) -> str:
    return _polynomial_exp(s, _module)


@approach(95, "expert", mode="body")
def polynomial_exp_body(s: Style) -> str:
    return _polynomial_exp(s, _body)


@approach(95, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16()", "to(torch.bfloat16)"])
    return s.torch_module(
        f"return F.cross_entropy(predictions.{kind}, targets).float()", arguments=ARGUMENTS
    )


@approach(95, "cheat")
def first_rows(s: Style) -> str:
    part = s.vary([64, 128, 256, 512])
    return s.torch_module(
        f"return F.cross_entropy(predictions[:{part}], targets[:{part}])", arguments=ARGUMENTS
    )


@approach(95, "naive", mode="body")
def log_softmax_body(s: Style) -> str:
    dim = s.slip("axis", "1", "0")
    call = s.vary(["F.log_softmax(predictions, ", "torch.log_softmax(predictions, "])
    return s.body(f"return F.nll_loss({call}{s.vary(['dim=', ''])}{dim}), targets)\n")


@approach(95, "good", mode="body")
def logsumexp_body(s: Style) -> str:
    dim = s.slip("axis", "1", "0")
    pick = s.vary(
        [
            "predictions.gather(1, targets.unsqueeze(1)).squeeze(1)",
            "predictions.gather(1, targets[:, None])[:, 0]",
            "predictions[torch.arange(targets.numel()), targets]",
        ]
    )
    return s.body(
        f"picked = {pick}\nreturn (torch.logsumexp(predictions, {dim}) - picked).mean()\n"
    )
