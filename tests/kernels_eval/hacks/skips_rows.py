# problem: softmax
# expected: incorrect
"""Leaves one row out of 256 as it was."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        out[:-1] = torch.softmax(x[:-1], dim=1)
        out[-1] = 1.0 / x.shape[1]
        return out
