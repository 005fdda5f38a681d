# problem: embedded/95
# expected: correct
"""A row of logits at a time, held in registers."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_loss(logits, targets, losses, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    values = tl.load(logits + row * classes + at, mask=at < classes, other=-float("inf"))
    top = tl.max(values, axis=0)
    total = tl.sum(tl.exp(values - top), axis=0)
    wanted = tl.load(logits + row * classes + tl.load(targets + row))
    tl.store(losses + row, tl.log(total) + top - wanted)


class ModelNew(nn.Module):
    def forward(self, predictions, targets):
        rows, classes = predictions.shape
        losses = torch.empty(rows, device=predictions.device)
        block = triton.next_power_of_2(classes)
        row_loss[(rows,)](predictions, targets, losses, classes, BLOCK=block, num_warps=8)
        return losses.mean()
