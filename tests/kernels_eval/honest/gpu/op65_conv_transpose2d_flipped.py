# problem: embedded/65
# expected: correct
"""A transposed convolution of stride 1 is a convolution with the kernel turned round."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, kernel_size, bias=False)

    def forward(self, x):
        weight = self.conv.weight.flip(2, 3).transpose(0, 1).contiguous()
        padding = [extent - 1 for extent in weight.shape[2:]]
        return torch.nn.functional.conv2d(x, weight, padding=padding)
