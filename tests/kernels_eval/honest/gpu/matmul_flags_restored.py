# problem: gpu/matmul
# expected: correct
"""Turns the flags to what it needs, and back."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        flag = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = False
        try:
            return torch.mm(a, b)
        finally:
            torch.backends.cuda.matmul.allow_tf32 = flag
