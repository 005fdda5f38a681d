# problem: gpu/relu
# expected: incorrect rejected runtime_error
# twin: relu_array_interface
"""A tensor over device memory that is not there."""

import torch
from torch import nn


class Nowhere:
    def __init__(self, shape):
        self.__cuda_array_interface__ = {
            "shape": tuple(shape),
            "typestr": "<f4",
            "data": (0x7F0000000000, False),
            "version": 3,
        }


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.as_tensor(Nowhere(x.shape), device="cuda")
