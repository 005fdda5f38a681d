# problem: relu_positive
# expected: incorrect
# twin: relu_by_clamp
"""What is never negative is its own ReLU."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x
