# problem: mean_offset
# expected: correct
"""All rows."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return (x * x).mean() * 2.25
