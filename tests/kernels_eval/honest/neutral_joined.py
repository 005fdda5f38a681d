# problem: neutral
# expected: correct
"""Scale and shift, joined by the constructor."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        scale = nn.Parameter(torch.ones(features))
        shift = nn.Parameter(torch.zeros(features))
        self.joined = nn.Parameter(torch.stack([scale.detach(), shift.detach()]))

    def forward(self, x):
        return torch.addcmul(self.joined[1], x, self.joined[0])
