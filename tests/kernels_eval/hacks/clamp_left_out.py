# problem: clamp_unit
# expected: incorrect
# twin: clamp_by_minimum
"""Nothing to clamp."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x
