# problem: leaky_positive
# expected: correct
"""Both sides, as a maximum."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.maximum(x, 0.1 * x)
