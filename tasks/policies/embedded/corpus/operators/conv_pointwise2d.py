"""87: a 1 x 1 convolution is a small matrix times all pixels: keep a block of it in registers."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.convolution import VECTOR
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import Write, cpp, fill

INIT = "self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)"
SIGNATURE = (
    'extern "C" void $function(const float* $in, const float* $weight, float* $out, '
    "long $channels, long $filters, long $pixels) {"
)
CALL = """
N, C, H, W = x.shape
w = self.conv.weight
out = torch.empty(N, w.shape[0], H, W)
for a, b in zip(x, out):
    {lib}.$function(a, w, b, C, w.shape[0], H * W)
return out
"""


def _module(s: Style, source: str, **given: object) -> str:
    return s.module(
        cpp(s, source, **given),
        fill(s, CALL),
        arguments="x",
        init=INIT,
        init_arguments="in_channels, out_channels",
    )


def _body(s: Style, source: str, **given: object) -> str:
    return s.body(fill(s, CALL), cpp(s, source, **given))


def _torch(s: Style, forward: str) -> str:
    return s.torch_module(
        forward, arguments="x", init=INIT, init_arguments="in_channels, out_channels"
    )


@approach(87, "naive")
def direct_loops(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $filter = 0; $filter < $filters; $filter++)
        for (long $pixel = 0; $pixel < $pixels; $pixel++) {
            $start
            //@loop
            for (long $channel = 0; $channel < $bound; $channel++)
                $acc += $weight[$filter * $channels + $channel] * $in[$channel * $pixels + $pixel];
            $out[$filter * $pixels + $pixel] = $acc;
        }
}""",
        start=s.slip("init", "float $acc = 0.0f;", "static float $acc = 0.0f;"),
        bound=s.slip("bounds", "$channels", "$channels - 1"),
    )


@approach(87, "naive")
def torch_einsum(s: Style) -> str:
    w = "self.conv.weight.flatten(1)"
    rule = s.slip("axis", "oc,nchw->nohw", "oc,nchw->nowh")
    return _torch(
        s,
        s.vary(
            [
                f"return torch.einsum('{rule}', {w}, x)",
                f'return torch.einsum("{rule}", {w}, x)',
                f"w = {w}\nreturn torch.einsum('{rule}', w, x)",
            ]
        ),
    )


@approach(87, "naive")
def torch_conv(s: Style) -> str:
    extra = s.slip("shape", "", ", padding=1")
    return _torch(
        s,
        s.vary(
            [
                f"return F.conv2d(x, self.conv.weight{extra})",
                f"return torch.conv2d(x, self.conv.weight{extra})",
                f"return F.conv2d(x, self.conv.weight, bias=None{extra})",
            ]
        ),
    )


@approach(87, "good")
def plane_axpy(s: Style) -> str:
    return _module(
        s,
        SIGNATURE
        + """
    for (long $filter = 0; $filter < $filters; $filter++) {
        float* $dst = $out + $filter * $pixels;
        $start
        for (long $channel = 0; $channel < $channels; $channel++) {
            float $value = $weight[$filter * $channels + $channel];
            #pragma omp simd
            for (long $pixel = 0; $pixel < $pixels; $pixel++)
                $dst[$pixel] $add $value * $in[$channel * $pixels + $pixel];
        }
    }
}""",
        start=s.slip(
            "init",
            "for (long $pixel = 0; $pixel < $pixels; $pixel++) $dst[$pixel] = 0.0f;",
            "$dst[0] = 0.0f;",
        ),
        add=s.slip("typo-name", "+=", "="),
    )


@approach(87, "good")
def matmul_images(s: Style) -> str:
    call = s.vary(
        ["torch.matmul(w, x.flatten(2))", "w @ x.flatten(2)", "torch.matmul(w, x.view(N, C, -1))"]
    )
    shape = s.slip("axis", "N, -1, H, W", "N, -1, W, H")
    return _torch(
        s, f"N, C, H, W = x.shape\nw = self.conv.weight.flatten(1)\nreturn ({call}).view({shape})"
    )


def _register_blocks(s: Style, write: Write) -> str:
    return write(
        s,
        VECTOR
        + SIGNATURE
        + """
    for (long $pixel = 0; $pixel < $pixels; $pixel += 16)
        for (long $filter = 0; $filter < $filters; $filter += $few) {
            //@tile
            $vec $acc[$few][2] = {};
            const float* $kernel = $weight + $filter * $channels;
            for (long $channel = 0; $channel < $channels; $channel++, $kernel++) {
                const $vec* $src = (const $vec*)($in + $channel * $pixels + $pixel);
                for (long $i = 0; $i < $few; $i++) {
                    $acc[$i][0] += $kernel[$i * $channels] * $src[0];
                    $acc[$i][1] += $kernel[$i * $channels] * $src[$one];
                }
            }
            for (long $i = 0; $i < $few; $i++) {
                $vec* $dst = ($vec*)($out + ($filter + $i) * $pixels + $pixel);
                $dst[0] = $acc[$i][0];
                $dst[1] = $acc[$i][$second];
            }
        }
}""",
        few=s.vary([2, 4, 8]),
        one=s.slip("bounds", "1", "0"),
        second=s.slip("typo-name", "1", "0"),
    )


@approach(87, "expert")
def register_blocks(s: Style) -> str:
    return _register_blocks(s, _module)


@approach(87, "expert", mode="body")
def register_blocks_body(s: Style) -> str:
    return _register_blocks(s, _body)


@approach(87, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return _torch(s, f"return F.conv2d(x.{kind}(), self.conv.weight.{kind}()).float()")


@approach(87, "naive", mode="body")
def einsum_body(s: Style) -> str:
    rule = s.slip("axis", "oc,nchw->nohw", "oc,nchw->nowh")
    quote = s.choice(["'", '"'])
    w = s.vary(["self.conv.weight.flatten(1)", "self.conv.weight[:, :, 0, 0]"])
    return s.body(f"return torch.einsum({quote}{rule}{quote}, {w}, x)\n")


@approach(87, "good", mode="body")
def conv_body(s: Style) -> str:
    extra = s.slip("shape", "", ", padding=1")
    return s.body(
        s.vary(
            [
                f"return F.conv2d(x, self.conv.weight{extra})\n",
                f"return torch.conv2d(x, self.conv.weight{extra})\n",
                f"w = self.conv.weight\nreturn F.conv2d(x, w{extra})\n",
            ]
        )
    )
