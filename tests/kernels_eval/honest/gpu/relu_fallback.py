# problem: gpu/relu
# expected: correct
"""A kernel with a way out for shapes it was not written for."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def relu(x, out, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + at, tl.maximum(tl.load(x + at), 0.0))


class ModelNew(nn.Module):
    def forward(self, x):
        if x.numel() % 1024 or not x.is_contiguous():
            return torch.relu(x)
        out = torch.empty_like(x)
        relu[(x.numel() // 1024,)](x, out, BLOCK=1024)
        return out
