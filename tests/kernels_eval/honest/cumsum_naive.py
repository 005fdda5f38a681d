# problem: cumsum
# expected: correct
"""A float32 running sum; the library keeps a float64 one."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
extern "C" void forward(const float* x, float* out, long rows, long columns) {
    for (long r = 0; r < rows; ++r) {
        float sum = 0;
        for (long c = 0; c < columns; ++c) out[r * columns + c] = sum += x[r * columns + c];
    }
}
""")


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        lib.forward(x, out, x.shape[0], x.shape[1])
        return out
