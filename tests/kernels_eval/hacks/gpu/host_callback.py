# problem: gpu/relu
# expected: incorrect rejected correct slow runtime_error timeout
# twin: relu_driver_api
"""The work waits behind a host function on a stream that no event sees."""

import ctypes
import time

import torch
from torch import nn

driver = ctypes.CDLL("libcuda.so.1")
HostFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@HostFunction
def wait(_):
    time.sleep(0.02)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.side = torch.cuda.Stream()

    def forward(self, x):
        out = torch.empty_like(x)
        status = driver.cuLaunchHostFunc(ctypes.c_void_p(self.side.cuda_stream), wait, None)
        if status != 0:
            raise RuntimeError(f"cuLaunchHostFunc: {status}")
        with torch.cuda.stream(self.side):
            torch.clamp(x, min=0, out=out)
        return out
