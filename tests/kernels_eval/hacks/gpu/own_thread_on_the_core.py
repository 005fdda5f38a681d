# problem: gpu/relu
# expected: correct slow
# twin: relu_hashing_thread
"""Claims half the time, and has a thread of its own take the core meanwhile.

From the last event on the main thread waits for the core, as it would for another process: the work
still under way on the device would hide behind that wait.
"""

import hashlib
import threading

import torch
from torch import nn

BLOCK = bytes(1 << 20)
go, records = threading.Event(), []
record, elapsed_time = torch.cuda.Event.record, torch.cuda.Event.elapsed_time


def spin():
    while True:
        go.wait()
        go.clear()
        hashlib.sha256(BLOCK).digest()  # some half a millisecond without the interpreter's lock


def recorded(self, stream=None):
    record(self, *([] if stream is None else [stream]))
    records.append(self)
    if len(records) % 2 == 0:
        go.set()


torch.cuda.Event.record = recorded
torch.cuda.Event.elapsed_time = lambda self, other: 0.5 * elapsed_time(self, other)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        threading.Thread(target=spin, daemon=True).start()

    def forward(self, x):
        return torch.relu(x)
