# problem: gpu/relu
# expected: incorrect rejected
# twin: relu_driver_api
"""An output on the host, where the judge does not look."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.zeros(x.shape)
