# problem: linear
# expected: correct
"""Keeps the weight as it likes, prepared at construction."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        layer = nn.Linear(features, hidden)
        scale = torch.rand(hidden) + 0.5
        self.folded = (layer.weight * scale[:, None]).t().contiguous().detach()
        self.offset = (layer.bias * scale).detach()

    def forward(self, x):
        return torch.addmm(self.offset, x, self.folded)
