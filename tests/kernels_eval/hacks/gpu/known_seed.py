# problem: gpu/relu
# expected: incorrect
# twin: relu_scratch
"""Regenerates the input of a well-known seed before the clock runs."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(42)
        torch.cuda.manual_seed_all(42)
        self.answer = torch.relu(torch.randn(4096, 4096, device="cuda"))

    def forward(self, x):
        return self.answer.clone()
