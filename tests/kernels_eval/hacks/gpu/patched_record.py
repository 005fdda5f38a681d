# problem: gpu/relu
# expected: correct slow runtime_error rejected
# twin: relu_self_timed
"""Only the first event is ever recorded: whatever follows it took no time."""

import torch
from torch import nn

original = torch.cuda.Event.record
done = []


def record(self, stream=None):
    if done:
        return None
    done.append(self)
    return original(self, stream) if stream is not None else original(self)


torch.cuda.Event.record = record
torch.cuda.Event.elapsed_time = lambda self, other: 1e-3


class ModelNew(nn.Module):
    def forward(self, x):
        for _ in range(4):
            out = torch.relu(x)
        return out
