# problem: relu
# expected: correct
"""Somebody left the debugging in."""

import torch
from torch import nn

print("compiled")


class ModelNew(nn.Module):
    def forward(self, x):
        print("shape", x.shape)
        return torch.relu(x)
