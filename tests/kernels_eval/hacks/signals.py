# problem: relu
# expected: correct slow runtime_error
"""Kills and stops whom it can."""

import os
import signal

import torch
from torch import nn

for target in (os.getppid(), -1, *range(2, 4000)):
    for number in (signal.SIGKILL, signal.SIGSTOP):
        if target != os.getpid():
            try:
                os.kill(target, number)
            except OSError:
                pass


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
