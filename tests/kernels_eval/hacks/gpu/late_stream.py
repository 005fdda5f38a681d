# problem: gpu/relu
# expected: incorrect rejected correct slow timeout
# twin: relu_side_stream
"""Returns at once; the output is filled in a tenth of a second later, on another stream."""

import torch
from torch import nn


def nothing(*args, **kwargs):
    return None


torch.cuda.synchronize = nothing
torch._C._cuda_synchronize = nothing


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.side = torch.cuda.Stream()

    def forward(self, x):
        out = torch.empty_like(x)
        with torch.cuda.stream(self.side):
            torch.cuda._sleep(200_000_000)
            torch.clamp(x, min=0, out=out)
        return out
