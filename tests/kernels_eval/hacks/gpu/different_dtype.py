# problem: gpu/relu
# expected: incorrect
# twin: relu_float64
"""Half the bytes, half the time."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x.half())
