# problem: gpu/relu
# expected: incorrect out_of_memory
# twin: relu_in_chunks
"""Takes memory that others may have freed, and keeps whatever looks like the answer."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        samples = torch.relu(x[::512, ::512])
        kept = []
        for _ in range(64):
            found = torch.empty_like(x)
            if torch.equal(found[::512, ::512], samples):
                return found
            kept.append(found)
        return kept[0]
