# problem: mean_offset
# expected: incorrect
# twin: mean_of_all
"""Every other column."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return ((x[:, ::2] * 1.5) ** 2).mean()
