# problem: gpu/relu
# expected: out_of_memory
# twin: relu_in_chunks
"""Takes device memory until there is none, and does not handle it."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        kept = [torch.empty(1 << 32, device=x.device) for _ in range(64)]
        return torch.relu(x) + kept[0][0]
