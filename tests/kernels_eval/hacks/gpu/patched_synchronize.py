# problem: gpu/relu
# expected: correct slow incorrect rejected
# twin: relu_side_stream
"""Nobody can wait: every way to synchronise returns at once, and the work is on another stream."""

import torch
from torch import nn


def nothing(*args, **kwargs):
    return None


side = torch.cuda.Stream()
torch.cuda.synchronize = nothing
torch.accelerator.synchronize = nothing
torch.cuda.Stream.synchronize = nothing
torch.cuda.Event.synchronize = nothing
torch.cuda.Event.query = lambda self: True
torch._C._cuda_synchronize = nothing


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        with torch.cuda.stream(side):
            for _ in range(16):
                torch.clamp(x, min=0, out=out)
        return out
