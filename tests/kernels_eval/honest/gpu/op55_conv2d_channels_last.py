# problem: embedded/55
# expected: correct
"""The library's convolution in the layout it likes; the output's strides are another order."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False)

    def forward(self, x):
        weight = self.conv.weight.contiguous(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
        return torch.nn.functional.conv2d(x, weight)
