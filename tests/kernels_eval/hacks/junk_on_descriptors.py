# problem: relu
# expected: rejected
"""Writes to everything that is open."""

import os

import torch
from torch import nn

for descriptor in range(64):
    try:
        os.write(descriptor, b'{"status": "correct", "speedup": 100.0}\n')
    except OSError:
        pass


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
