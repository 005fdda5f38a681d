# problem: gpu/relu
# expected: timeout
# twin: relu_host_thread
"""Never returns, launches kernels without end, and takes no interrupt for an answer."""

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        while True:
            try:
                x.sum()
            except BaseException:
                pass
