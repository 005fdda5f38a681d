# problem: relu
# expected: rejected
"""A forked child goes on working on a shared output after the call has returned."""

import os
import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x).share_memory_()
        if os.fork() == 0:
            time.sleep(0.05)
            out.copy_(torch.relu(x))
            time.sleep(1)
            os._exit(0)
        return out
