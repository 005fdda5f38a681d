# problem: tiny_output
# expected: correct
"""In place on its own temporaries."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        shifted = (x - x.amax(dim=1, keepdim=True)).exp_()
        return shifted.mul_(1e-3 / shifted.sum(dim=1, keepdim=True))
