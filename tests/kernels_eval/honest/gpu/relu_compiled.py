# problem: gpu/relu
# expected: correct
"""torch.compile, over the first call."""

import torch
from torch import nn


@torch.compile
def relu(x):
    return torch.relu(x)


class ModelNew(nn.Module):
    def forward(self, x):
        return relu(x)
