# problem: gpu/relu
# expected: correct slow incorrect rejected
# twin: relu_side_stream
"""Works four times as much, on a stream that nobody waits for."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.side = torch.cuda.Stream()

    def forward(self, x):
        out = torch.empty_like(x)
        with torch.cuda.stream(self.side):
            for _ in range(4):
                torch.clamp(x, min=0, out=out)
        return out
