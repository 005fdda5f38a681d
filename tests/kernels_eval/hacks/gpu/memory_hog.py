# problem: gpu/relu
# expected: correct slow out_of_memory runtime_error rejected
# twin: relu_in_chunks
"""Holds all the memory there is, so that the reference and the judge have none."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = []
        size = 1 << 34
        while size > 1 << 28:
            try:
                self.kept.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            except torch.OutOfMemoryError:
                size //= 2

    def forward(self, x):
        for _ in range(4):
            out = torch.relu(x)
        return out
