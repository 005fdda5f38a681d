# problem: gpu/two_outputs
# expected: correct
"""Sum and its position from one kernel; a list where the reference returns a tuple."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_and_find(first, second, total, place, columns, factor, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < columns
    left = tl.load(first + row * columns + at, mask=inside)
    right = tl.load(second + row * columns + at, mask=inside)
    values = left * factor + right
    tl.store(total + row * columns + at, values, mask=inside)
    found = tl.argmax(tl.where(inside, values, -float("inf")), axis=0)
    tl.store(place + row, found.to(tl.int64))


class ModelNew(nn.Module):
    def forward(self, pair, factor):
        first, second = pair
        rows, columns = first.shape
        total = torch.empty_like(first)
        place = torch.empty(rows, dtype=torch.int64, device=first.device)
        block = triton.next_power_of_2(columns)
        add_and_find[(rows,)](
            first, second, total, place, columns, factor, BLOCK=block, num_warps=8
        )
        return [total, place]
