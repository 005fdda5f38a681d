# problem: gpu/relu
# expected: correct
"""Works on two streams of its own; the caller's stream waits for both."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.sides = [torch.cuda.Stream(), torch.cuda.Stream()]

    def forward(self, x):
        out = torch.empty_like(x)
        here = torch.cuda.current_stream()
        for side, source, target in zip(self.sides, x.chunk(2), out.chunk(2), strict=True):
            side.wait_stream(here)
            with torch.cuda.stream(side):
                torch.clamp(source, min=0, out=target)
        for side in self.sides:
            here.wait_stream(side)
        return out
