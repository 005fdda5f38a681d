# problem: matmul_positive
# expected: correct
"""Summed in blocks, one after the other."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        total = torch.zeros(a.shape[0], b.shape[1])
        for one, other in zip(a.split(64, dim=1), b.split(64), strict=True):
            total += one @ other
        return total
