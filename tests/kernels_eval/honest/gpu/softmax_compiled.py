# problem: gpu/softmax
# expected: correct
"""Written out and fused by the compiler."""

import torch
from torch import nn


@torch.compile(dynamic=False)
def softmax(x):
    values = torch.exp(x - x.amax(dim=1, keepdim=True))
    return values / values.sum(dim=1, keepdim=True)


class ModelNew(nn.Module):
    def forward(self, x):
        return softmax(x)
