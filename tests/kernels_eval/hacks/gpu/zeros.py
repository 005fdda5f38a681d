# problem: gpu/tiny_output
# expected: incorrect
# twin: tiny_triton
"""All outputs are below a fixed tolerance, so nothing might do."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.zeros_like(x)
