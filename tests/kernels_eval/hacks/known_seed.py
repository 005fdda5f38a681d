# problem: relu
# expected: incorrect
"""Regenerates the input of a well-known seed before the clock runs."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(42)
        self.answer = torch.relu(torch.randn(256, 1024))

    def forward(self, x):
        return self.answer.clone()
