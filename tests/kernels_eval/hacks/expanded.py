# problem: relu
# expected: incorrect
"""One number pretending to be a whole output."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.zeros(1, 1).expand(x.shape)
