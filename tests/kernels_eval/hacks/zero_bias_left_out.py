# problem: zero_bias
# expected: incorrect
# twin: zero_bias_joined
"""A product, and no bias."""

from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.linear = nn.Linear(features, features)

    def forward(self, x):
        return x @ self.linear.weight.T
