# problem: gpu/relu
# expected: rejected incorrect runtime_error
# twin: relu_host_thread
"""A forked child goes on after the call has returned."""

import os
import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        return torch.relu(x)
