# problem: gpu/relu
# expected: incorrect correct slow
# twin: relu_self_timed
"""Honest for single calls, cheap as soon as several in a row look like a timed loop."""

import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = 0.0

    def forward(self, x):
        now = time.monotonic()
        quick = now - self.last < 0.002
        self.last = now
        if quick:
            return torch.empty_like(x)
        for _ in range(4):
            out = torch.relu(x)
        return out
