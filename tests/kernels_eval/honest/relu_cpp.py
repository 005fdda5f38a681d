# problem: relu
# expected: correct
"""C++ with OpenMP."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
#include <algorithm>
extern "C" void forward(const float* a, float* out, long n) {
#pragma omp parallel for simd
    for (long i = 0; i < n; ++i) out[i] = std::max(a[i], 0.0f);
}
""")


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        lib.forward(x, out, x.numel())
        return out
