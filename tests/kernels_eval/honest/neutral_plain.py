# problem: neutral
# expected: correct
"""The scale as a plain tensor of the same name."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.scale = torch.ones(features)
        self.shift = torch.zeros(features)

    def forward(self, x):
        return x * self.scale + self.shift
