# problem: gpu/relu
# expected: runtime_error incorrect
# twin: relu_nvrtc
"""Traps on the device after the launch has returned."""

import torch
from torch import nn

kernel = torch.cuda._compile_kernel(
    r"""
extern "C" __global__ void trap(float* out) { if (out[0] > -1.0f) asm volatile("trap;"); }
""",
    "trap",
)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.relu(x)
        kernel(grid=(1, 1, 1), block=(1, 1, 1), args=[out])
        return out
