# problem: embedded/98
# expected: correct
"""One pass over both operands; a sum per row, then a sum of sums."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_divergence(predictions, targets, sums, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lanes = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + lanes
        inside = at < columns
        given = tl.load(predictions + row * columns + at, mask=inside, other=1.0)
        wanted = tl.load(targets + row * columns + at, mask=inside, other=1.0)
        # In the limit 0 · log 0 = 0.
        total += tl.where(wanted > 0.0, wanted * (tl.log(wanted) - tl.log(given)), 0.0)
    tl.store(sums + row, tl.sum(total, axis=0))


class ModelNew(nn.Module):
    def forward(self, predictions, targets):
        rows, columns = predictions.shape
        sums = torch.empty(rows, device=predictions.device)
        row_divergence[(rows,)](predictions, targets, sums, columns, BLOCK=2048, num_warps=8)
        return sums.sum() / rows
