# problem: gpu/relu
# expected: correct
"""A kernel for one half, the library for the other."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def relu(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n)
    tl.store(out + at, tl.maximum(value, 0.0), mask=at < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        middle = x.shape[0] // 2
        n = middle * x.shape[1]
        relu[(triton.cdiv(n, 2048),)](x, out, n, BLOCK=2048)
        torch.clamp(x[middle:], min=0, out=out[middle:])
        return out
