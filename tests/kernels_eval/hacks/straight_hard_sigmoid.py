# problem: hard_sigmoid_unit
# expected: incorrect
# twin: hard_sigmoid_by_clamp
"""The slope, and neither end."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x / 6 + 0.5
