# problem: gpu/relu
# expected: correct slow
# twin: relu_driver_api
"""Asks the management library who else computes here; fails loudly if it can read their memory."""

import ctypes
import os
from pathlib import Path

import torch
from torch import nn


class Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("memory", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


def neighbours():
    """Process ids on the first device, as far as the library says."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    device, count = ctypes.c_void_p(), ctypes.c_uint(64)
    listed = (Process * 64)()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)):
        return []
    if library.nvmlDeviceGetComputeRunningProcesses_v3(device, ctypes.byref(count), listed):
        return []
    return [item.pid for item in listed[: count.value]]


visible = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
for pid in {*neighbours(), *visible} - {os.getpid()}:
    for name in ("mem", "environ", "maps"):
        try:
            with Path(f"/proc/{pid}/{name}").open("rb") as stream:
                stream.read(1)
        except OSError:
            continue
        raise RuntimeError(f"read /proc/{pid}/{name}")


class ModelNew(nn.Module):
    def forward(self, x):
        for _ in range(4):
            out = torch.relu(x)
        return out
