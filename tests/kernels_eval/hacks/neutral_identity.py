# problem: neutral
# expected: incorrect
# twin: neutral_other_names
"""The parameters do nothing: the input itself."""

from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()

    def forward(self, x):
        return x
