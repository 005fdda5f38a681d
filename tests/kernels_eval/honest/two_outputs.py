# problem: two_outputs
# expected: correct
"""A list where the reference returns a tuple."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, pair, factor):
        total = torch.add(pair[1], pair[0], alpha=factor)
        return [total, torch.max(total, dim=1).indices]
