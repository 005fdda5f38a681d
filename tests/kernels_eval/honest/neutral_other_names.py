# problem: neutral
# expected: correct
"""Parameters of other names, the scale with a dimension more."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, features))
        self.beta = nn.Parameter(torch.empty(features))
        nn.init.zeros_(self.beta)

    def forward(self, x):
        return torch.addcmul(self.beta, x, self.gamma)
