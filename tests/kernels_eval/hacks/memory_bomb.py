# problem: relu
# expected: out_of_memory
"""Takes memory until there is none."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        kept = [torch.ones(1 << 30) for _ in range(16)]
        return torch.relu(x) + kept[0][0]
