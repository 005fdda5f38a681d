# problem: elu_positive
# expected: incorrect
# twin: elu_by_comparison
"""The straight side."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x
