# problem: gpu/relu
# expected: incorrect correct slow
# twin: relu_scratch
"""The same output buffer for every call: what earlier calls returned is overwritten.

Correct only if a batch is one call; the second pass pays for that.
"""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = None

    def forward(self, x):
        if self.out is None:
            self.out = torch.empty_like(x)
        for _ in range(4):
            torch.clamp(x, min=0, out=self.out)
        return self.out
