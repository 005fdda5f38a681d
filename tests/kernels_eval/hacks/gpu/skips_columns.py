# problem: gpu/softmax
# expected: incorrect
# twin: softmax_online
"""Sums the first half of each row and doubles it."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        values = torch.exp(x)
        half = values[:, : x.shape[1] // 2].sum(dim=1, keepdim=True)
        return values / (2.0 * half)
