# problem: clamp_unit
# expected: correct
"""Both sides of the clamp."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.clamp(x, -1.0, 1.0)
