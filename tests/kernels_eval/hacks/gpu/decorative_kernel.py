# problem: gpu/matmul
# expected: correct slow
# twin: matmul_on_streams
"""A kernel that copies one element over itself, beside the library that does the work."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def fast_matmul(out):
    tl.store(out, tl.load(out))


class ModelNew(nn.Module):
    def forward(self, a, b):
        out = torch.mm(a, b)
        fast_matmul[(1,)](out)
        return out
