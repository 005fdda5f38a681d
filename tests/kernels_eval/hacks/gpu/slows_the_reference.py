# problem: gpu/relu
# expected: rejected correct slow timeout incorrect
# twin: relu_side_stream
"""Right at once, but leaves memory traffic behind that the reference has to share."""

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
        self.traffic = None

    def forward(self, x):
        if self.traffic is None:
            self.traffic = torch.empty(2, 1 << 26, device=x.device)
        out = torch.relu(x)
        self.side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.side):
            for _ in range(100):
                self.traffic[0].copy_(self.traffic[1])
        return out
