# problem: relu
# expected: runtime_error
"""Fills the disk."""

from pathlib import Path

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        with Path("junk").open("wb") as stream:
            for _ in range(1 << 14):
                stream.write(bytes(1 << 24))
        return torch.relu(x)
