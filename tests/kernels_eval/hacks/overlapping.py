# problem: repeated
# expected: rejected
"""An expanded output; the worker's own check is made to believe that it is the reference."""

from torch import nn

import kernels_eval.worker.cpu as side

call = side.CpuSide.batch


def batch(self, model, arguments, results, **rest):
    object.__setattr__(self._job, "trusted", True)
    return call(self, model, arguments, results, **rest)


side.CpuSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, x):
        return x.mean(dim=1, keepdim=True).expand(1024, 1024)
