# problem: hard_sigmoid_unit
# expected: correct
"""The slope and both ends."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return (x / 6 + 0.5).clamp(0, 1)
