"""36: RMSNorm over channels, which lie a whole plane apart: walk pixels in the inner loop."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import Write, cpp, fill

SIGNATURE = (
    'extern "C" void $function(const float* $in, float* $out, long $batch, long $channels, '
    "long $pixels, float $eps) {"
)
INIT = "self.eps = eps"
CALL = """
out = torch.empty_like(x)
{lib}.$function(x, out, x.shape[0], x.shape[1], x[0, 0].numel(), self.eps)
return out
"""


def _module(s: Style, source: str, **given: object) -> str:
    return s.module(
        cpp(s, SIGNATURE + source, **given),
        fill(s, CALL),
        arguments="x",
        init=INIT,
        init_arguments="num_features, eps=1e-5",
    )


def _body(s: Style, source: str, **given: object) -> str:
    return s.body(fill(s, CALL), cpp(s, SIGNATURE + source, **given))


def _torch(s: Style, forward: str) -> str:
    return s.torch_module(
        forward, arguments="x", init=INIT, init_arguments="num_features, eps=1e-5"
    )


@approach(36, "naive")
def strided_walk(s: Style) -> str:
    return _module(
        s,
        """
    for (long $image = 0; $image < $batch; $image++)
        for (long $pixel = 0; $pixel < $pixels; $pixel++) {
            const float* $src = $in + $image * $channels * $pixels + $pixel;
            float* $dst = $out + $image * $channels * $pixels + $pixel;
            $start
            //@loop
            for (long $channel = 0; $channel < $channels; $channel++)
                $acc += $src[$channel * $pixels] * $src[$channel * $pixels];
            float $inv = $norm;
            for (long $channel = 0; $channel < $channels; $channel++)
                $dst[$channel * $pixels] = $src[$channel * $pixels] $scale $inv;
        }
}""",
        start=s.slip("init", "float $acc = 0.0f;", "static float $acc = 0.0f;"),
        norm=s.slip(
            "axis",
            "__builtin_sqrtf($acc / $channels + $eps)",
            "__builtin_sqrtf($acc / $pixels + $eps)",
        ),
        scale=s.slip("typo-name", "/", "*"),
    )


@approach(36, "naive")
def torch_rsqrt(s: Style) -> str:
    dim = s.slip("axis", "1", "-1")
    square = s.vary(["x.pow(2)", "x * x", "x ** 2", "x.square()"])
    inner = f"torch.mean({square}, dim={dim}, keepdim=True) + self.eps"
    return _torch(
        s, s.choice([f"return x * torch.rsqrt({inner})", f"r = torch.rsqrt({inner})\nreturn x * r"])
    )


@approach(36, "good")
def plane_sums(s: Style) -> str:
    return _module(
        s,
        """
    float* $acc = new float[$pixels];
    for (long $image = 0; $image < $batch; $image++) {
        const float* $src = $in + $image * $channels * $pixels;
        float* $dst = $out + $image * $channels * $pixels;
        $start
        for (long $channel = 0; $channel < $channels; $channel++)
            #pragma omp simd
            for (long $pixel = 0; $pixel < $pixels; $pixel++)
                $acc[$pixel] += $src[$channel * $pixels + $pixel] * $src[$channel * $pixels
                    ... + $pixel];
        #pragma omp simd
        for (long $pixel = 0; $pixel < $pixels; $pixel++)
            $acc[$pixel] = 1.0f / __builtin_sqrtf($acc[$pixel] / $channels + $eps);
        for (long $channel = 0; $channel < $channels; $channel++)
            #pragma omp simd
            for (long $pixel = 0; $pixel < $pixels; $pixel++)
                $dst[$channel * $pixels + $pixel] = $src[$channel * $pixels + $pixel]
                    ... * $acc[$pixel];
    }
    delete[] $acc;
}""",
        start=s.slip(
            "init",
            "for (long $pixel = 0; $pixel < $pixels; $pixel++) $acc[$pixel] = 0.0f;",
            "$acc[0] = 0.0f;",
        ),
    )


@approach(36, "naive")
def torch_linalg_norm(s: Style) -> str:
    scale = s.slip("precision", "x.shape[1] ** 0.5", "x.shape[1]")
    norm = s.vary(
        [
            "torch.linalg.vector_norm(x, dim=1, keepdim=True)",
            "torch.norm(x, dim=1, keepdim=True)",
            "x.norm(dim=1, keepdim=True)",
        ]
    )
    return _torch(
        s, f"r = {norm}.div_({scale})\nr = r.square_().add_(self.eps).rsqrt_()\nreturn x * r"
    )


def _tiled_planes(s: Style, write: Write) -> str:
    return write(
        s,
        """
    const long $block = $size;
    for (long $image = 0; $image < $batch; $image++)
        for (long $tile = 0; $tile < $pixels; $tile += $block) {
            const float* $src = $in + $image * $channels * $pixels + $tile;
            float* $dst = $out + $image * $channels * $pixels + $tile;
            float $acc[$block] = {$zero};
            //@tile
            for (long $channel = 0; $channel < $bound; $channel++)
                #pragma omp simd
                for (long $pixel = 0; $pixel < $block; $pixel++)
                    $acc[$pixel] += $src[$channel * $pixels + $pixel] * $src[$channel
                        ... * $pixels + $pixel];
            #pragma omp simd
            for (long $pixel = 0; $pixel < $block; $pixel++)
                $acc[$pixel] = 1.0f / __builtin_sqrtf($acc[$pixel] / $channels + $eps);
            for (long $channel = 0; $channel < $channels; $channel++)
                #pragma omp simd
                for (long $pixel = 0; $pixel < $block; $pixel++)
                    $dst[$channel * $pixels + $pixel] = $src[$channel * $pixels + $pixel]
                        ... * $acc[$pixel];
        }
}""",
        size=s.vary([64, 128, 256, 512]),
        zero=s.slip("init", "0", "1"),
        bound=s.slip("bounds", "$channels", "$channels - 1"),
    )


@approach(36, "expert")
def tiled_planes(s: Style) -> str:
    return _tiled_planes(s, _module)


@approach(36, "expert", mode="body")
def tiled_planes_body(s: Style) -> str:
    return _tiled_planes(s, _body)


@approach(36, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return _torch(
        s,
        f"h = x.{kind}()\n"
        "r = torch.rsqrt(h.pow(2).mean(dim=1, keepdim=True) + self.eps)\n"
        "return (h * r).float()",
    )


@approach(36, "cheat")
def first_channels(s: Style) -> str:
    part = s.vary([8, 16, 32])
    return _torch(
        s,
        f"h = x[:, :{part}]\nreturn x * torch.rsqrt(h.pow(2).mean(dim=1, keepdim=True) + self.eps)",
    )


@approach(36, "naive", mode="body")
def rsqrt_body(s: Style) -> str:
    square = s.vary(["x.pow(2)", "x * x", "x ** 2", "x.square()"])
    dim = s.slip("axis", "1", "-1")
    return s.body(f"return x * torch.rsqrt(torch.mean({square}, {dim}, keepdim=True) + self.eps)")


@approach(36, "good", mode="body")
def in_place_body(s: Style) -> str:
    square = s.vary(["x.square()", "x.pow(2)", "x * x", "(x * x)"])
    square = f"({square})" if "*" in square and not square.startswith("(") else square
    dim = s.slip("axis", "1", "-1")
    return s.body(f"r = {square}.mean({dim}, keepdim=True)\nreturn x * r.add_(self.eps).rsqrt_()\n")


@approach(36, "expert", mode="body")
def image_by_image_body(s: Style) -> str:
    square = s.vary(["a.square()", "a.pow(2)", "torch.square(a)"])
    dim = s.slip("axis", "0", "1")
    return s.body(
        "out = torch.empty_like(x)\nfor a, b in zip(x, out):\n"
        f"    r = {square}.mean({dim}, keepdim=True).add_(self.eps)\n"
        "    torch.mul(a, r.rsqrt_(), out=b)\nreturn out\n"
    )


@approach(36, "naive", mode="body")
def fused_norm_body(s: Style) -> str:
    turned = s.vary(["x.permute(0, 2, 3, 1)", "x.movedim(1, -1)"])
    size = s.slip("shape", "x.shape[1:2]", "x.shape[:1]")
    return s.body(f"return F.rms_norm({turned}, {size}, eps=self.eps).permute(0, 3, 1, 2)\n")
