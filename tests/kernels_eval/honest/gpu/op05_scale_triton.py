# problem: embedded/5
# expected: correct
"""Every element times a plain number."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scale(a, out, factor, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + at, tl.load(a + at, mask=at < n) * factor, mask=at < n)


class ModelNew(nn.Module):
    def forward(self, A, s):
        out = torch.empty_like(A)
        n = A.numel()
        scale[(triton.cdiv(n, 4096),)](A, out, s, n, BLOCK=4096, num_warps=8)
        return out
