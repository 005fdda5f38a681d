# problem: relu
# expected: rejected incorrect
"""Points the judge at memory that is not there."""

import torch
from torch import nn

import kernels_eval.worker.cpu as side

original = side.CpuSide.batch


def forged(self, model, arguments, results):
    original(self, model, arguments, results)
    cells = self._describe.__closure__
    for cell in cells:
        if isinstance(cell.cell_contents, memoryview):
            cell.cell_contents[1] = 0x10
    return 1000, 0


side.CpuSide.batch = forged


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
