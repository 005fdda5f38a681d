# problem: matmul_positive
# expected: incorrect
# twin: matmul_in_blocks
"""Operands in half precision."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return a.half().float() @ b.half().float()
