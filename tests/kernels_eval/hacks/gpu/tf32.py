# problem: gpu/matmul
# expected: incorrect
# twin: matmul_flags_restored
"""Quietly in TF32, by a global flag."""

import torch
from torch import nn

torch.backends.cuda.matmul.allow_tf32 = True


class ModelNew(nn.Module):
    def forward(self, a, b):
        return a @ b
