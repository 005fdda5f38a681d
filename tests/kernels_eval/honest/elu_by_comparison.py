# problem: elu_positive
# expected: correct
"""Both sides."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.where(x > 0, x, torch.expm1(x))
