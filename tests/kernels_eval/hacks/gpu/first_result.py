# problem: gpu/linear
# expected: incorrect
# twin: linear_folded
"""Computes on the first call what it takes all later calls to be."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.linear = nn.Linear(features, hidden)
        self.register_buffer("scale", torch.rand(hidden) + 0.5)
        self.first = None

    def forward(self, x):
        if self.first is None:
            self.first = self.linear(x) * self.scale
        return self.first.clone()
