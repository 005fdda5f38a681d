# problem: relu
# expected: rejected
"""Works on another core than the one that it is timed on, and is back before anybody looks."""

import os
import time

import torch
from torch import nn

import kernels_eval.worker.cpu as side

batch = side.CpuSide.batch


def elsewhere(self, model, arguments, results, clock=time.perf_counter_ns):
    given = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    try:
        return batch(self, model, arguments, results, clock)
    finally:
        os.sched_setaffinity(0, given)


side.CpuSide.batch = elsewhere


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
