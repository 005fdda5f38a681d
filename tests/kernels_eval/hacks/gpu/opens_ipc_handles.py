# problem: gpu/relu
# expected: correct slow
# twin: relu_driver_api
"""Makes up handles of other processes' memory; fails loudly if one of them opens."""

import ctypes

import torch
from torch import nn

driver = ctypes.CDLL("libcuda.so.1")


class Handle(ctypes.Structure):
    _fields_ = (("reserved", ctypes.c_ubyte * 64),)


driver.cuIpcOpenMemHandle_v2.argtypes = [
    ctypes.POINTER(ctypes.c_uint64),
    Handle,
    ctypes.c_uint,
]
own = torch.ones(1 << 21, device="cuda")
handle = Handle()
if driver.cuIpcGetMemHandle(ctypes.byref(handle), ctypes.c_uint64(own.data_ptr())) == 0:
    for place in range(0, 64, 4):
        for change in (1, 2, 255):
            other = Handle.from_buffer_copy(handle)
            other.reserved[place] = (other.reserved[place] + change) % 256
            address = ctypes.c_uint64()
            status = driver.cuIpcOpenMemHandle_v2(ctypes.byref(address), other, 1)
            if status == 0 and address.value != own.data_ptr():
                window = (ctypes.c_float * 4)()
                read = driver.cuMemcpyDtoH_v2(window, address, ctypes.c_size_t(16))
                if read == 0 and list(window) != [1.0] * 4:
                    raise RuntimeError("read another process's memory")


class ModelNew(nn.Module):
    def forward(self, x):
        for _ in range(4):
            out = torch.relu(x)
        return out
