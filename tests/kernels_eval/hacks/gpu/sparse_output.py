# problem: gpu/relu
# expected: incorrect rejected
# twin: relu_padded
"""A sparse output without a single element."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.sparse_coo_tensor(size=x.shape, device=x.device)
