# problem: gpu/relu
# expected: correct
"""A thread of its own computes beside the launches, for nothing but the looks of it."""

import hashlib
import threading

import torch
from torch import nn

BLOCK = bytes(1 << 20)
go = threading.Event()


def spin():
    while True:
        go.wait()
        go.clear()
        hashlib.sha256(BLOCK).digest()


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        threading.Thread(target=spin, daemon=True).start()

    def forward(self, x):
        go.set()
        return torch.relu(x)
