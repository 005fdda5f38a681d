# problem: mean_offset
# expected: incorrect
# twin: mean_of_all
"""Every fourth row."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return ((x[::4] * 1.5) ** 2).mean()
