# problem: embedded/12
# expected: correct
"""A product with a diagonal matrix is a scaling of rows."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scale_rows(a, b, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < columns
    factor = tl.load(a + row)
    values = tl.load(b + row * columns + at, mask=inside)
    tl.store(out + row * columns + at, values * factor, mask=inside)


class ModelNew(nn.Module):
    def forward(self, A, B):
        rows, columns = B.shape
        out = torch.empty_like(B)
        scale_rows[(rows, triton.cdiv(columns, 1024))](A, B, out, columns, BLOCK=1024)
        return out
