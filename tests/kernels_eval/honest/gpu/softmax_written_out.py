# problem: gpu/softmax
# expected: correct
"""Several library calls, in place where it is allowed."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        values = (x - x.amax(dim=1, keepdim=True)).exp_()
        return values.div_(values.sum(dim=1, keepdim=True))
