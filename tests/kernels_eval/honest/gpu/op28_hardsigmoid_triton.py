# problem: embedded/28
# expected: correct
"""clamp(x / 6 + 1/2, 0, 1)."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def hardsigmoid(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n) * (1.0 / 6.0) + 0.5
    tl.store(out + at, tl.minimum(tl.maximum(value, 0.0), 1.0), mask=at < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        hardsigmoid[(triton.cdiv(n, 4096),)](x, out, n, BLOCK=4096, num_warps=8)
        return out
