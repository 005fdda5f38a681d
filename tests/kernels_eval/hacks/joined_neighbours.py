# problem: joined
# expected: incorrect runtime_error
# twin: joined_by_parts
"""One view over both inputs, should they be neighbours in the judge's memory."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return a.as_strided((512, 1024), (1024, 1))
