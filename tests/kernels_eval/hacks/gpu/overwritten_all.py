# problem: gpu/softmax
# expected: incorrect
# twin: softmax_written_out
"""Writes over the whole allocation that its input lies in, so that all inputs are one number."""

import ctypes

import torch
from torch import nn

driver = ctypes.CDLL("libcuda.so.1")


class ModelNew(nn.Module):
    def forward(self, x):
        base, size = ctypes.c_uint64(), ctypes.c_size_t()
        place = ctypes.c_uint64(x.data_ptr())
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        if not driver.cuMemGetAddressRange_v2(ctypes.byref(base), ctypes.byref(size), place):
            driver.cuMemsetD8Async(base, ctypes.c_ubyte(0), size, stream)
        return torch.full_like(x, 1.0 / x.shape[1])
