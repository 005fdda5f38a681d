# problem: long_product
# expected: incorrect
# twin: long_product_in_blocks
"""Operands in bfloat16."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return a.bfloat16().float() @ b.bfloat16().float()
