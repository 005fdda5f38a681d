# problem: embedded/4
# expected: correct
"""One program per row, many columns at a time."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matvec(a, b, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + lanes
        inside = at < columns
        left = tl.load(a + row * columns + at, mask=inside, other=0.0)
        right = tl.load(b + at, mask=inside, other=0.0)
        total += left * right
    tl.store(out + row, tl.sum(total, axis=0))


class ModelNew(nn.Module):
    def forward(self, A, B):
        rows, columns = A.shape
        out = torch.empty(rows, 1, device=A.device)
        matvec[(rows,)](A, B, out, columns, BLOCK=4096, num_warps=8)
        return out
