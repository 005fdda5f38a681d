# problem: gpu/relu
# expected: incorrect
# twin: relu_scratch
"""The answer of the last call, if its input lay at the same address."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.address, self.answer = 0, None

    def forward(self, x):
        if x.data_ptr() != self.address:
            self.address, self.answer = x.data_ptr(), torch.relu(x)
        return self.answer
