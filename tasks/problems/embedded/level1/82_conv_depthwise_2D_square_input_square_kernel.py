"""Depthwise 2D convolution with a 3 x 3 kernel: one filter per channel, no padding, no bias."""

import torch
import torch.nn as nn

SIZE = "cpu"
N, C, H, W = {"cpu": (8, 64, 64, 64), "kernelbench": (16, 64, 512, 512)}[SIZE]


class Model(nn.Module):
    def __init__(self, in_channels: int, kernel_size: int):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, in_channels, kernel_size, groups=in_channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def get_inputs():
    return [torch.randn(N, C, H, W)]


def get_init_inputs():
    return [C, 3]
