# problem: gpu/relu
# expected: runtime_error
# twin: relu_fallback
"""Success by exit status."""

import os

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        os._exit(0)
