# problem: neutral
# expected: correct
"""Plain tensors: the scale under a name of its own, the shift under the reference's."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.gain = torch.ones(features)
        self.shift = torch.zeros(features)

    def forward(self, x):
        return x * self.gain + self.shift
