# problem: gpu/relu
# expected: incorrect
# twin: relu_scratch
"""An uninitialised output, in the hope that the answer was left there."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.empty_like(x)
