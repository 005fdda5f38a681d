# problem: relu
# expected: rejected incorrect
"""Points the judge at memory that is not there."""

import torch
from torch import nn

import kernels_eval.worker.loop as loop

original = loop._batch


def forged(model, arguments, results, describe):
    original(model, arguments, results, describe)
    cells = describe.__closure__
    for cell in cells:
        if isinstance(cell.cell_contents, memoryview):
            cell.cell_contents[0] = 0x10
    return 1000


loop._batch = forged


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
