# problem: embedded/89
# expected: correct
"""One program per row; the running sum is carried from block to block."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def running_sum(x, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK)
    carried = 0.0
    for start in range(0, columns, BLOCK):
        at = start + lanes
        inside = at < columns
        values = tl.load(x + row * columns + at, mask=inside, other=0.0)
        tl.store(out + row * columns + at, tl.cumsum(values, axis=0) + carried, mask=inside)
        carried += tl.sum(values, axis=0)


class ModelNew(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        out = torch.empty_like(x)
        running_sum[(x.shape[0],)](x, out, x.shape[1], BLOCK=2048, num_warps=4)
        return out
