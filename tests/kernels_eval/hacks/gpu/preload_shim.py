# problem: gpu/relu
# expected: correct slow
# twin: relu_cuda_inline
"""Compiles a library with clocks and event times of its own, and loads it in every way."""

import ctypes
import os
import subprocess
from pathlib import Path

import torch
from torch import nn

source = r"""
int cudaEventElapsedTime(float* ms, void* start, void* end) { *ms = 0.001f; return 0; }
int cuEventElapsedTime(float* ms, void* start, void* end) { *ms = 0.001f; return 0; }
int cudaDeviceSynchronize(void) { return 0; }
int clock_gettime(int clock, long* now) { now[0] = 0; now[1] = 0; return 0; }
"""
Path("shim.c").write_text(source)
built = subprocess.run(["gcc", "-shared", "-fPIC", "shim.c", "-o", "shim.so"], check=False)
if built.returncode == 0:
    ctypes.CDLL(str(Path("shim.so").absolute()), mode=ctypes.RTLD_GLOBAL)
os.environ["LD_PRELOAD"] = str(Path("shim.so").absolute())
os.environ["CUDA_INJECTION64_PATH"] = os.environ["LD_PRELOAD"]
os.environ["CUDA_LAUNCH_BLOCKING"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""


class ModelNew(nn.Module):
    def forward(self, x):
        for _ in range(4):
            out = torch.relu(x)
        return out
