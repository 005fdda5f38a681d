# problem: gpu/relu
# expected: correct
"""A tensor subclass on the way, a plain tensor at the end."""

import torch
from torch import nn


class Tagged(torch.Tensor):
    pass


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x.as_subclass(Tagged)).as_subclass(torch.Tensor)
