# problem: gpu/relu
# expected: incorrect rejected
# twin: relu_padded
"""An output that has a shape and no memory."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.empty(x.shape, device="meta")
