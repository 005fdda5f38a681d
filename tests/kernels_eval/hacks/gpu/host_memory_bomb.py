# problem: gpu/relu
# expected: out_of_memory runtime_error timeout correct slow
# twin: relu_in_chunks
"""Takes 24 GB of host memory: no limit on address space can hold beside CUDA."""

import torch
from torch import nn


class ModelNew(nn.Module):
    kept = None

    def forward(self, x):
        if self.kept is None:
            self.kept = [torch.ones(1 << 28) for _ in range(24)]
        return torch.relu(x) * self.kept[0][0].item()
