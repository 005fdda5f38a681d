# problem: gpu/layer_norm
# expected: correct
"""Mean and variance of each row as it is."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm(x, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < columns
    values = tl.load(x + row * columns + at, mask=inside, other=0.0)
    mean = tl.sum(values, axis=0) / columns
    centred = tl.where(inside, values - mean, 0.0)
    variance = tl.sum(centred * centred, axis=0) / columns
    tl.store(out + row * columns + at, centred / tl.sqrt(variance + 1e-5), mask=inside)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        rows, columns = x.shape
        block = triton.next_power_of_2(columns)
        layer_norm[(rows,)](x, out, columns, BLOCK=block, num_warps=8)
        return out
