# problem: gpu/relu
# expected: correct
"""Times two ways with events during the first call and keeps the faster: its own business."""

import torch
from torch import nn


def milliseconds(function, x):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(3):
        function(x)
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.ways = [torch.relu, lambda x: x.clamp(min=0)]
        self.best = None

    def forward(self, x):
        if self.best is None:
            self.best = min(self.ways, key=lambda way: milliseconds(way, x))
        return self.best(x)
