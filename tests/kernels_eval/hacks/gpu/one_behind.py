# problem: gpu/matmul
# expected: incorrect
# twin: matmul_on_streams
"""Returns the product of the call before, while this one's is still being computed."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.side = torch.cuda.Stream()
        self.before = None

    def forward(self, a, b):
        with torch.cuda.stream(self.side):
            product = a @ b
        out, self.before = self.before, product
        return product if out is None else out
