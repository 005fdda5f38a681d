# problem: gpu/linear
# expected: correct
"""Folds the scale into the weights on the first call, and computes every call."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.linear = nn.Linear(features, hidden)
        self.register_buffer("scale", torch.rand(hidden) + 0.5)
        self.folded = None

    def forward(self, x):
        if self.folded is None:
            self.folded = (self.linear.weight * self.scale[:, None]).t().contiguous()
            self.offset = self.linear.bias * self.scale
        return torch.addmm(self.offset, x, self.folded)
