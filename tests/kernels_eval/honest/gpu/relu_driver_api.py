# problem: gpu/relu
# expected: correct
"""Copies through the driver's own interface, then works in place on the copy."""

import ctypes

import torch
from torch import nn

driver = ctypes.CDLL("libcuda.so.1")


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        status = driver.cuMemcpyDtoDAsync_v2(
            ctypes.c_uint64(out.data_ptr()),
            ctypes.c_uint64(x.data_ptr()),
            ctypes.c_size_t(x.nbytes),
            ctypes.c_void_p(torch.cuda.current_stream().cuda_stream),
        )
        if status != 0:
            raise RuntimeError(f"cuMemcpyDtoDAsync: {status}")
        return out.relu_()
