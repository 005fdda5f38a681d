# problem: l1_norm
# expected: incorrect
# twin: l1_by_norm
"""No magnitude is taken."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x / x.mean(dim=1, keepdim=True)
