# problem: embedded/30
# expected: correct
"""x / (1 + |x|) in one pass."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softsign(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n)
    tl.store(out + at, value / (1.0 + tl.abs(value)), mask=at < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        softsign[(triton.cdiv(n, 4096),)](x, out, n, BLOCK=4096, num_warps=8)
        return out
