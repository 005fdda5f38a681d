# problem: layer_scale
# expected: correct
"""The weight of the branch, folded into its last product."""

import torch
import torch.nn.functional as F
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        up, down = nn.Linear(features, 2 * features), nn.Linear(2 * features, features)
        gamma = nn.Parameter(1e-6 * torch.ones(features))
        self.first = up
        self.last = nn.Parameter((gamma[:, None] * down.weight).detach())
        self.shift = nn.Parameter((gamma * down.bias).detach())

    def forward(self, x):
        return x + F.linear(F.gelu(self.first(x)), self.last, self.shift)
