# problem: gpu/relu
# expected: correct
"""The output passes through __cuda_array_interface__, as from another library."""

import torch
from torch import nn


class Array:
    def __init__(self, owner):
        self.owner = owner
        self.__cuda_array_interface__ = owner.__cuda_array_interface__


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.as_tensor(Array(torch.relu(x)), device="cuda")
