# problem: gpu/relu
# expected: incorrect rejected
# twin: relu_padded
"""Rows that share their memory with their neighbours, by strides that are not zero."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        few = torch.relu(x[:2]).reshape(-1)
        return few.as_strided((rows, columns), (1, 1))
