# problem: rezero
# expected: incorrect
# twin: rezero_whole
"""What weighs nothing is nothing."""

from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()

    def forward(self, x):
        return x
