# problem: relu
# expected: correct
"""Another library call."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.clamp(min=0)
