# problem: relu
# expected: runtime_error
"""Writes where nothing is."""

import ctypes

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        ctypes.memset(8, 0, 8)
        return torch.relu(x)
