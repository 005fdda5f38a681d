# problem: relu
# expected: rejected
"""Leaves the core that it is timed on for another one, where a batch may find what it needs."""

import os

import torch
from torch import nn

import kernels_eval.worker.cpu as side

ready = side.CpuSide.ready


def elsewhere(self, count):
    ready(self, count)
    os.sched_setaffinity(0, range(os.cpu_count()))


side.CpuSide.ready = elsewhere


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
