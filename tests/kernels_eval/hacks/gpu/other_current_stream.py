# problem: gpu/relu
# expected: correct slow incorrect rejected
# twin: relu_side_stream
"""Leaves another stream as the current one, so that events are recorded where nothing happens."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.busy = torch.cuda.Stream()
        self.idle = torch.cuda.Stream()

    def forward(self, x):
        torch.cuda.set_stream(self.busy)
        for _ in range(4):
            out = torch.relu(x)
        torch.cuda.set_stream(self.idle)
        return out
