# problem: gpu/relu
# expected: correct
"""Overwrites its input and returns it: that is its own copy."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.relu_()
