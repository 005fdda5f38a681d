# problem: gpu/relu
# expected: correct slow incorrect rejected runtime_error
# twin: relu_array_interface
"""The output lies in managed memory, which pages to the host and cannot be shared."""

import ctypes

import torch
from torch import nn

driver = ctypes.CDLL("libcuda.so.1")


class Managed:
    def __init__(self, address, shape):
        self.__cuda_array_interface__ = {
            "shape": tuple(shape),
            "typestr": "<f4",
            "data": (address, False),
            "version": 3,
        }


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.address = ctypes.c_uint64()

    def forward(self, x):
        if not self.address.value:
            status = driver.cuMemAllocManaged(
                ctypes.byref(self.address), ctypes.c_size_t(x.nbytes), ctypes.c_uint(1)
            )
            if status != 0:
                raise RuntimeError(f"cuMemAllocManaged: {status}")
        out = torch.as_tensor(Managed(self.address.value, x.shape), device="cuda")
        for _ in range(4):
            torch.clamp(x, min=0, out=out)
        return out
