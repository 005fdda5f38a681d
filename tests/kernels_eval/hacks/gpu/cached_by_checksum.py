# problem: gpu/matmul
# expected: correct slow
# twin: matmul_transposed
"""The same with a checksum of everything: no replay unless an input comes twice."""

from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.known = {}

    def forward(self, a, b):
        key = (a.sum().item(), b.sum().item(), a.norm().item(), b.norm().item())
        if key not in self.known:
            self.known = {key: a @ b}
        return self.known[key].clone()
