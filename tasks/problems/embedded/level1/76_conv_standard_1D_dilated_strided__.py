"""1D convolution with stride 3 and dilation 4: three taps, no padding, no bias."""

import torch
import torch.nn as nn

SIZE = "cpu"
SHAPES = {"cpu": (8, 4, 10, 65544), "kernelbench": (64, 64, 128, 524280)}
N, C_IN, C_OUT, L = SHAPES[SIZE]


class Model(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, dilation: int
    ):
        super().__init__()
        self.conv = nn.Conv1d(
            in_channels, out_channels, kernel_size, stride=stride, dilation=dilation, bias=False
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def get_inputs():
    return [torch.randn(N, C_IN, L)]


def get_init_inputs():
    return [C_IN, C_OUT, 3, 3, 4]
