# problem: gpu/matmul
# expected: correct
"""Returns a view of the transposed product."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return (b.t() @ a.t()).t()
