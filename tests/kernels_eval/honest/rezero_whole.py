# problem: rezero
# expected: correct
"""The branch, whatever it weighs."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.inner = nn.Linear(features, features)
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return torch.addcmul(x, self.alpha, torch.tanh(self.inner(x)))
