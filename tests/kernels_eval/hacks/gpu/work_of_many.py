# problem: gpu/relu
# expected: correct slow incorrect rejected
# twin: relu_side_stream
"""Finds the arguments of all calls in the caller's frame and computes them in the first call."""

import sys

import torch
from torch import nn


def all_arguments():
    frame = sys._getframe(2)
    while frame:
        for value in frame.f_locals.values():
            if isinstance(value, list) and value and isinstance(value[0], tuple):
                tensors = [item[0] for item in value if item and isinstance(item[0], torch.Tensor)]
                if len(tensors) == len(value):
                    return tensors
        frame = frame.f_back
    return []


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.ready = {}

    def forward(self, x):
        out = self.ready.pop(x.data_ptr(), None)
        if out is None:
            tensors = all_arguments() or [x]
            outputs = torch._foreach_clamp_min(tensors, 0)
            self.ready = {
                tensor.data_ptr(): output for tensor, output in zip(tensors, outputs, strict=True)
            }
            out = self.ready.pop(x.data_ptr())
        return out
