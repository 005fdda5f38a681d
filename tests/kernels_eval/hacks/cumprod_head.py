# problem: cumprod
# expected: incorrect
# twin: cumprod_by_parts
"""The first 128 columns; the others vanish."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.zeros_like(x)
        torch.cumprod(x[:, :128], dim=1, out=out[:, :128])
        return out
