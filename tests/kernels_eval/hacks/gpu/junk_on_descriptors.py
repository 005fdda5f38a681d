# problem: gpu/relu
# expected: rejected runtime_error timeout
# twin: relu_fallback
"""Writes to everything that is open, the driver's descriptors among them."""

import os

import torch
from torch import nn

for descriptor in range(3, 128):
    try:
        os.write(descriptor, b'{"status": "correct", "speedup": 100.0}\n')
    except OSError:
        pass


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
