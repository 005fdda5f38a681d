# problem: gpu/tiny_output
# expected: correct
"""Small numbers, all of them computed."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def tiny(x, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    values = tl.load(x + row * columns + at, mask=at < columns, other=-float("inf"))
    values = tl.exp(values - tl.max(values, axis=0))
    factor = 1e-3 / tl.sum(values, axis=0)
    tl.store(out + row * columns + at, values * factor, mask=at < columns)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        rows, columns = x.shape
        tiny[(rows,)](x, out, columns, BLOCK=triton.next_power_of_2(columns), num_warps=8)
        return out
