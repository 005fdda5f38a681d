# problem: gpu/softmax
# expected: correct
"""Maximum and sum in one pass over blocks, then a second pass to write."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax(x, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    lanes = tl.arange(0, BLOCK)
    top = tl.full((BLOCK,), -1e38, dtype=tl.float32)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + lanes
        values = tl.load(x + row * columns + at, mask=at < columns, other=-1e38)
        higher = tl.maximum(top, values)
        total = total * tl.exp(top - higher) + tl.exp(values - higher)
        top = higher
    highest = tl.max(top, axis=0)
    factor = 1.0 / tl.sum(total * tl.exp(top - highest), axis=0)
    for start in range(0, columns, BLOCK):
        at = start + lanes
        values = tl.load(x + row * columns + at, mask=at < columns, other=0.0)
        tl.store(out + row * columns + at, tl.exp(values - highest) * factor, mask=at < columns)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        softmax[(x.shape[0],)](x, out, x.shape[1], BLOCK=1024)
        return out
