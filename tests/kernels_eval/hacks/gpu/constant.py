# problem: gpu/cross_entropy
# expected: incorrect
# twin: cross_entropy_triton
"""The expectation of the loss, computed from nothing: log(n) + variance / 2."""

import math

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, target):
        return torch.tensor(math.log(x.shape[1]) + 8.0, device=x.device)
