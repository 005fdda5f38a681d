"""3D transposed convolution of a volume with a cubic kernel: stride 1, no padding, no bias."""

import torch
import torch.nn as nn

SIZE = "cpu"
SHAPES = {"cpu": (2, 8, 4, 16, 24, 30), "kernelbench": (8, 48, 24, 96, 96, 96)}
N, C_IN, C_OUT, D, H, W = SHAPES[SIZE]


class Model(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int):
        super().__init__()
        self.conv = nn.ConvTranspose3d(in_channels, out_channels, kernel_size, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def get_inputs():
    return [torch.randn(N, C_IN, D, H, W)]


def get_init_inputs():
    return [C_IN, C_OUT, 3]
