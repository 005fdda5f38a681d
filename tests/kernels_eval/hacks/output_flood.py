# problem: relu
# expected: correct slow timeout
"""Prints as much as it can."""

import sys

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        for _ in range(4):
            sys.stdout.write("A" * 1_000_000)
        return torch.relu(x)
