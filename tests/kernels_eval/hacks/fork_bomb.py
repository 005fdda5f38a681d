# problem: relu
# expected: runtime_error rejected correct
"""Forks until it is refused, and twice more (each child at most 30 s)."""

import os
import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        for _ in range(1000):
            if os.fork() == 0:
                time.sleep(30)
                os._exit(0)

    def forward(self, x):
        return torch.relu(x)
