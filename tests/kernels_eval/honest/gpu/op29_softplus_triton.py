# problem: embedded/29
# expected: correct
"""max(x, 0) + log(1 + exp(-|x|)): no overflow on either side."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softplus(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n)
    small = tl.exp(-tl.abs(value))
    # log(1 + s) loses the s that 1 + s rounds away; the series holds there.
    tail = tl.where(small < 1e-3, small * (1.0 - 0.5 * small), tl.log(1.0 + small))
    tl.store(out + at, tl.maximum(value, 0.0) + tail, mask=at < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        softplus[(triton.cdiv(n, 4096),)](x, out, n, BLOCK=4096, num_warps=8)
        return out
