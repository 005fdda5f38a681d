# problem: gpu/relu
# expected: incorrect rejected runtime_error correct slow
# twin: relu_array_interface
"""Tensors that lie about their address, shape and place: all outputs point at one honest tensor."""

import torch
from torch import nn

address = torch.Tensor.data_ptr
kept = {}


def data_ptr(self):
    own = address(self)
    return kept.get(own, own)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.honest = None

    def forward(self, x):
        if self.honest is None:
            self.honest = torch.relu(x)
            torch.Tensor.data_ptr = data_ptr
        out = torch.empty_like(x)
        kept[address(out)] = address(self.honest)
        return out
