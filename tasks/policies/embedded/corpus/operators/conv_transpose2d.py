"""65: a transposed 3 x 7 convolution: the padded image convolved with the flipped kernel."""

from __future__ import annotations

from tasks.policies.embedded.corpus.approach import approach
from tasks.policies.embedded.corpus.convolution import Convolution
from tasks.policies.embedded.corpus.style import Style

CONV = Convolution(
    init="self.conv = nn.ConvTranspose2d(in_channels, out_channels, kernel_size, bias=False)",
    init_arguments="in_channels, out_channels, kernel_size",
    taps=(3, 7),
    blocks=(2, 4),
    transposed=True,
)


@approach(65, "naive")
def direct_loops(s: Style) -> str:
    return CONV.scalar(s)


@approach(65, "naive")
def torch_conv(s: Style) -> str:
    extra = s.slip("shape", "", ", padding=1")
    return CONV.torch(
        s,
        s.vary(
            [
                f"return F.conv_transpose2d(x, self.conv.weight{extra})",
                f"return torch.conv_transpose2d(x, self.conv.weight{extra})",
                f"w = self.conv.weight\nreturn F.conv_transpose2d(x, w{extra})",
            ]
        ),
    )


@approach(65, "naive")
def flipped_conv(s: Style) -> str:
    flip = s.slip("axis", "(2, 3)", "(2,)")
    pad = s.slip("shape", "(2, 6)", "(6, 2)")
    turn = s.vary(["transpose(0, 1)", "swapaxes(0, 1)", "permute(1, 0, 2, 3)"])
    return CONV.torch(
        s, f"w = self.conv.weight.flip{flip}.{turn}\nreturn F.conv2d(x, w, padding={pad})"
    )


@approach(65, "good")
def row_axpy(s: Style) -> str:
    return CONV.row_axpy(s)


@approach(65, "good")
def matmul_fold(s: Style) -> str:
    size = s.slip("shape", "(H + 2, W + 6)", "(H + 6, W + 2)")
    turn = s.vary([".t()", ".T", ".transpose(0, 1)"])
    return CONV.torch(
        s,
        "N, C, H, W = x.shape\n"
        f"cols = self.conv.weight.flatten(1){turn} @ x.flatten(2)\n"
        f"return F.fold(cols, {size}, (3, 7))",
    )


@approach(65, "expert")
def register_blocks(s: Style) -> str:
    return CONV.blocked(s)


@approach(65, "cheat")
def half_precision(s: Style) -> str:
    kind = s.vary(["bfloat16", "half"])
    return CONV.torch(
        s, f"return F.conv_transpose2d(x.{kind}(), self.conv.weight.{kind}()).float()"
    )


@approach(65, "naive", mode="body")
def conv_body(s: Style) -> str:
    extra = s.slip("shape", "", ", padding=1")
    return s.body(
        s.vary(
            [
                f"return F.conv_transpose2d(x, self.conv.weight{extra})\n",
                f"return torch.conv_transpose2d(x, self.conv.weight{extra})\n",
                f"w = self.conv.weight\nreturn F.conv_transpose2d(x, w{extra})\n",
            ]
        )
    )


@approach(65, "good", mode="body")
def flipped_conv_body(s: Style) -> str:
    flip = s.slip("axis", "(2, 3)", "(2,)")
    pad = s.slip("shape", "(2, 6)", "(6, 2)")
    turn = s.vary(["transpose(0, 1)", "swapaxes(0, 1)", "permute(1, 0, 2, 3)"])
    return s.body(f"w = self.conv.weight.flip{flip}.{turn}\nreturn F.conv2d(x, w, padding={pad})\n")
