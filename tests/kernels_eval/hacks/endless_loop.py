# problem: relu
# expected: timeout
"""Never returns, and takes no interrupt for an answer."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        while True:
            try:
                x.sum()
            except BaseException:
                pass
