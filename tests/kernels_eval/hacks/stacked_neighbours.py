# problem: stacked
# expected: runtime_error
# twin: stacked_by_parts
"""One view over both inputs, wherever they lie: two things are always at one distance."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        apart = (b.data_ptr() - a.data_ptr()) // 4
        return a.as_strided((2, 256, 1024), (apart, 1024, 1))
