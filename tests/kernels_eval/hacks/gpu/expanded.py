# problem: gpu/relu
# expected: incorrect
# twin: relu_padded
"""One row pretending to be a whole output."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x[:1]).expand(x.shape)
