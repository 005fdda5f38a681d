# problem: relu
# expected: correct slow
"""Feigns slowness at first, so that it gets few calls per batch and finds its inputs in a cache."""

import time

import torch
from torch import nn

CALLS = 0


class ModelNew(nn.Module):
    def forward(self, x):
        global CALLS
        CALLS += 1
        if CALLS <= 2:
            time.sleep(0.005)
        return torch.relu(x)
