# problem: gpu/matmul
# expected: correct slow
# twin: matmul_flags_restored
"""Computes what it should, twice, and leaves every global setting changed for the next."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.mm(a, b)
        out = torch.mm(a, b)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        torch.set_default_dtype(torch.float16)
        torch.set_default_device("cpu")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.manual_seed(0)
        return out
