# problem: gpu/relu
# expected: rejected
# twin: relu_array_interface
"""An output's place is so far away that the sum with its length wraps around: whoever looks at sums
alone reads there, and loses the judge's own context."""

import numpy as np
import torch
from torch import nn

import kernels_eval.worker.cuda as worker_cuda

Side = worker_cuda.CudaSide
honest = Side.batch


def batch(self, model, arguments, results, *clock):
    answer = honest(self, model, arguments, results, *clock)
    count = len(results)
    if count >= 2:
        records = self._records[:count]
        serials = records[:, 0].tolist()
        for place in range(1, count):
            if serials[place] in serials[:place]:
                records[place, 1] = np.iinfo(np.int64).max
                break
    return answer


Side.batch = batch


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = None

    def forward(self, x):
        # All outputs in one segment: pieces of one allocation.
        if self.block is None or self.at == len(self.block):
            self.block, self.at = torch.empty(8, *x.shape, device=x.device), 0
        out = self.block[self.at]
        self.at += 1
        torch.clamp(x, min=0, out=out)
        return out
