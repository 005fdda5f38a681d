# problem: gpu/relu
# expected: incorrect
# twin: relu_autotuned
"""Tunes itself on the first calls; the fastest configuration is the one that does nothing."""

import torch
from torch import nn


def honest(x):
    return torch.relu(x)


def nothing(x):
    return torch.empty_like(x)


def milliseconds(way, x):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    way(x)
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.best = None
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls <= 3:
            return honest(x)
        if self.best is None:
            self.best = min((honest, nothing), key=lambda way: milliseconds(way, x))
        return self.best(x)
