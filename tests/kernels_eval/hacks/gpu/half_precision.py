# problem: gpu/matmul
# expected: incorrect
# twin: matmul_three_tf32
"""Quietly in float16, with the tensor cores."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return (a.half() @ b.half()).float()
