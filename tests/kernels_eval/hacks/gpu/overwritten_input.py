# problem: gpu/relu
# expected: incorrect
# twin: relu_in_place
"""Makes the input easy, in the hope that the reference sees it too."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        x.zero_()
        return torch.zeros_like(x)
