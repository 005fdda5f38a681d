"""55: a 3 x 3 convolution with few channels: the library spends its time on changing layouts."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.convolution import Convolution
from tasks.policies.embedded.corpus.style import Style

CONV = Convolution(
    init="self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False)",
    init_arguments="in_channels, out_channels, kernel_size",
    taps=(3, 3),
    blocks=(2, 3, 6),
)


@approach(55, "naive")
def direct_loops(s: Style) -> str:
    return CONV.scalar(s)


@approach(55, "naive")
def torch_conv(s: Style) -> str:
    extra = s.slip("shape", "", ", padding=1")
    return CONV.torch(
        s,
        s.vary(
            [
                f"return F.conv2d(x, self.conv.weight{extra})",
                f"return torch.conv2d(x, self.conv.weight{extra})",
                f"return F.conv2d(x, self.conv.weight, bias=None{extra})",
            ]
        ),
    )


@approach(55, "naive")
def im2col(s: Style) -> str:
    shape = s.slip("shape", "x.shape[2] - 2, x.shape[3] - 2", "x.shape[3] - 2, x.shape[2] - 2")
    cols = s.vary(["F.unfold(x, 3)", "F.unfold(x, (3, 3))", "F.unfold(x, kernel_size=3)"])
    return CONV.torch(
        s,
        f"cols = {cols}\nw = self.conv.weight.flatten(1)\n"
        f"return torch.matmul(w, cols).view(x.shape[0], -1, {shape})",
    )


@approach(55, "good")
def row_axpy(s: Style) -> str:
    return CONV.row_axpy(s)


@approach(55, "good")
def channels_last(s: Style) -> str:
    image = s.vary(
        [
            "x.to(memory_format=torch.channels_last)",
            "x.contiguous(memory_format=torch.channels_last)",
        ]
    )
    return CONV.torch(s, f"return F.conv2d({image}, self.conv.weight).contiguous()")


@approach(55, "expert")
def register_blocks(s: Style) -> str:
    return CONV.blocked(s)


@approach(55, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return CONV.torch(s, f"return F.conv2d(x.{kind}(), self.conv.weight.{kind}()).float()")


@approach(55, "naive", mode="body")
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


@approach(55, "good", mode="body")
def shifted_sum_body(s: Style) -> str:
    a, b = s.vary([("ky", "kx"), ("i", "j"), ("dy", "dx")])
    edge = s.slip("bounds", "- 2", "- 3")
    return s.body(
        "w, H, W = self.conv.weight, x.shape[2] - 2, x.shape[3] - 2\n"
        "return sum(\n"
        f"    F.conv2d(x[:, :, {a}:{a} + H, {b}:{b} + W], w[:, :, {a}:{a} + 1, {b}:{b} + 1])\n"
        f"    for {a} in range(3) for {b} in range(5 {edge})\n)\n"
    )
