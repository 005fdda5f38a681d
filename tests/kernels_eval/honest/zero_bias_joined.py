# problem: zero_bias
# expected: correct
"""The bias as one more column of the weight, made by the constructor."""

import torch
import torch.nn.functional as F
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        made = nn.Linear(features, features)
        nn.init.zeros_(made.bias)
        self.joined = nn.Parameter(torch.cat([made.weight, made.bias[:, None]], dim=1).detach())

    def forward(self, x):
        return F.linear(F.pad(x, (0, 1), value=1.0), self.joined)
