# problem: gpu/relu
# expected: correct slow
# twin: relu_fallback
"""A kernel that cannot run, and the library behind it."""

import torch
from torch import nn

kernel = None
try:
    kernel = torch.cuda._compile_kernel('extern "C" __global__ void relu( {', "relu")
except Exception:
    pass


class ModelNew(nn.Module):
    def forward(self, x):
        try:
            out = torch.empty_like(x)
            kernel(args=[x, out])
            return out
        except Exception:
            return torch.relu(x)
