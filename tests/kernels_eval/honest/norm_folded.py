# problem: still_norm
# expected: correct
"""The norm, folded into the linear layer by the constructor."""

import torch
import torch.nn.functional as F
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        made, norm = nn.Linear(features, features), nn.BatchNorm1d(features)
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.folded = nn.Parameter((scale[:, None] * made.weight).detach())
        shift = scale * (made.bias - norm.running_mean) + norm.bias
        self.shift = nn.Parameter(shift.detach())

    def forward(self, x):
        return F.linear(x, self.folded, self.shift)
