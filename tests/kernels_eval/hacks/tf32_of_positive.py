# problem: matmul_positive
# expected: incorrect
# twin: matmul_in_blocks
"""In TF32, as a GPU does with allow_tf32."""

import torch
from torch import nn


def rounded(x):
    """To the ten bits of fraction that a tensor core reads."""
    return ((x.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


class ModelNew(nn.Module):
    def forward(self, a, b):
        return rounded(a) @ rounded(b)
