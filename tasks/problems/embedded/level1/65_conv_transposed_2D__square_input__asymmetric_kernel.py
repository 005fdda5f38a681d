"""2D transposed convolution of a square image, 3 x 7 kernel: stride 1, no padding, no bias."""

import torch
import torch.nn as nn

SIZE = "cpu"
SHAPES = {"cpu": (8, 4, 4, 90, 90), "kernelbench": (8, 64, 64, 512, 512)}
N, C_IN, C_OUT, H, W = SHAPES[SIZE]


class Model(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: tuple[int, int]):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, kernel_size, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def get_inputs():
    return [torch.randn(N, C_IN, H, W)]


def get_init_inputs():
    return [C_IN, C_OUT, (3, 7)]
