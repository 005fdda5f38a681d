# problem: gpu/linear
# expected: incorrect
# twin: linear_triton
"""Quietly at a lower precision, set in the call itself."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.linear = nn.Linear(features, hidden)
        self.register_buffer("scale", torch.rand(hidden) + 0.5)

    def forward(self, x):
        torch.set_float32_matmul_precision("medium")
        return self.linear(x) * self.scale
