# problem: gpu/relu
# expected: runtime_error
# twin: relu_driver_api
"""Writes where nothing is, on the host."""

import ctypes

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        ctypes.memset(8, 0, 8)
        return torch.relu(x)
