# problem: relu
# expected: runtime_error
"""Success by exit status, later."""

import sys

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        import os

        sys.stdout.flush()
        os._exit(0)
