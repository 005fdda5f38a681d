# problem: gpu/relu
# expected: runtime_error incorrect rejected
# twin: relu_driver_api
"""Destroys its own context, with everything the harness holds in it."""

import ctypes

import torch
from torch import nn

driver = ctypes.CDLL("libcuda.so.1")


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.relu(x)
        driver.cuDevicePrimaryCtxReset_v2(ctypes.c_int(0))
        return out
