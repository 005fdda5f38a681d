# problem: gpu/relu
# expected: correct
"""Asks how much memory is free, and works in pieces that fit."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        free, _ = torch.cuda.mem_get_info()
        pieces = 4 if free < (1 << 40) else 1
        out = torch.empty_like(x)
        for source, target in zip(x.chunk(pieces), out.chunk(pieces), strict=True):
            torch.clamp(source, min=0, out=target)
        return out
