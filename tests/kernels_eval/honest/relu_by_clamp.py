# problem: relu_positive
# expected: correct
"""A ReLU as a clamp."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.clamp(min=0)
