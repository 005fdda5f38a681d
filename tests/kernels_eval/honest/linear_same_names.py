# problem: linear
# expected: correct
"""Draws in another order; the reference's weights are loaded by name."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.register_buffer("scale", torch.rand(hidden) + 0.5)
        self.linear = nn.Linear(features, hidden)

    def forward(self, x):
        return self.linear(x) * self.scale
