# problem: long_product
# expected: correct
"""Summed in blocks, one after the other."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        total = torch.zeros(a.shape[0], b.shape[1])
        for one, other in zip(a.split(512, dim=1), b.split(512), strict=True):
            total += one @ other
        return total
