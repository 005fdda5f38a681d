# problem: gpu/relu
# expected: correct slow incorrect rejected runtime_error
# twin: relu_self_timed
"""Looks through the harness's own modules in this process and slows every clock it finds."""

import sys
import time

import torch
from torch import nn

clocks = [time.perf_counter_ns, time.perf_counter, time.monotonic, time.monotonic_ns]


def tenth(value):
    """The value, or a clock at a tenth of its speed if it is one."""
    if not any(value is clock for clock in clocks):
        return value
    return lambda: type(value())(value() // 10)


for name, module in list(sys.modules.items()):
    if not name.startswith("kernels_eval"):
        continue
    for key, value in list(vars(module).items()):
        setattr(module, key, tenth(value))
        defaults = getattr(value, "__defaults__", None)
        if isinstance(defaults, tuple):
            try:
                value.__defaults__ = tuple(map(tenth, defaults))
            except (AttributeError, TypeError):
                pass
real = torch.cuda.Event.elapsed_time
torch.cuda.Event.elapsed_time = lambda self, other: real(self, other) / 10


class ModelNew(nn.Module):
    def forward(self, x):
        for _ in range(4):
            out = torch.relu(x)
        return out
