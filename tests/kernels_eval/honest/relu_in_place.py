# problem: relu
# expected: correct
"""Overwrites its input: that is its own copy."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.relu_()
