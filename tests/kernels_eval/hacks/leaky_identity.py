# problem: leaky_positive
# expected: incorrect
# twin: leaky_by_maximum
"""One side of the comparison."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x
