# problem: l1_norm
# expected: correct
"""The norm from the library."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x / (x.norm(p=1, dim=1, keepdim=True) / x.shape[1])
