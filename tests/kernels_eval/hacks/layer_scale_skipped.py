# problem: layer_scale
# expected: incorrect
# twin: layer_scale_folded
"""A branch of 1e-6 is no branch."""

from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()

    def forward(self, x):
        return x
