# problem: relu
# expected: correct
"""Helpers at import that hold a little each and map one large memory: shared, it counts once."""

import mmap
import os

import torch
from torch import nn

SHARED = mmap.mmap(-1, 800 << 20)
SHARED[:] = b"x" * len(SHARED)
READY, TOLD = os.pipe()
GO, TELL = os.pipe()
CHILDREN = []
for _ in range(7):
    child = os.fork()
    if child == 0:
        os.close(TELL)
        os.write(TOLD, b"1" if SHARED.find(b"y") < 0 else b"0")  # looks at all of it
        os.read(GO, 1)  # until the parent has heard all
        os._exit(0)
    CHILDREN.append(child)
SAID = b""
while len(SAID) < len(CHILDREN):
    SAID += os.read(READY, 16)
os.close(TELL)
for child in CHILDREN:
    os.waitpid(child, 0)
assert SAID == b"1" * len(CHILDREN)


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
