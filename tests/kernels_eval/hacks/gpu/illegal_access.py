# problem: gpu/relu
# expected: runtime_error
# twin: relu_nvrtc
"""Writes where nothing is; the context is lost."""

import torch
from torch import nn

kernel = torch.cuda._compile_kernel(
    r"""
extern "C" __global__ void wild(float* out) { out[(1ll << 40) + threadIdx.x] = 1.0f; }
""",
    "wild",
)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.relu(x)
        kernel(grid=(64, 1, 1), block=(256, 1, 1), args=[out])
        return out
