# problem: still_norm
# expected: incorrect
# twin: norm_folded
"""A mean of zero and a variance of one."""

from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.linear = nn.Linear(features, features)

    def forward(self, x):
        return self.linear(x) * (1 + 1e-5) ** -0.5
