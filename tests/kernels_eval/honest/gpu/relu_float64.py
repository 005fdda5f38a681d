# problem: gpu/relu
# expected: correct
"""By way of float64: slow, and exact."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x.double()).float()
