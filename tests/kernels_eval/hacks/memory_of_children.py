# problem: relu
# expected: out_of_memory
# twin: memory_of_helpers
"""Each of its processes stays below the limit, and together they hold a half more."""

import os
import time

import torch
from torch import nn

CHILDREN = []
for _ in range(6):
    child = os.fork()
    if child == 0:
        held = bytearray(1 << 30)
        held[::4096] = b"x" * (len(held) // 4096)
        time.sleep(600)
        os._exit(0)
    CHILDREN.append(child)
for child in CHILDREN:
    os.waitpid(child, 0)


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
