# problem: repeated
# expected: rejected
"""An expanded output; the worker is made not to copy it, so that nobody pays for the copy."""

from torch import nn

import kernels_eval.worker.place as place

place.materialised = lambda output: output


class ModelNew(nn.Module):
    def forward(self, x):
        return x.mean(dim=1, keepdim=True).expand(1024, 1024)
