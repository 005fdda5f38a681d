# problem: matmul
# expected: correct
"""Three loops, summed in sequence: another rounding than the library, still right."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
extern "C" void forward(const float* a, const float* b, float* c, long m, long k, long n) {
    for (long i = 0; i < m; ++i)
        for (long j = 0; j < n; ++j) {
            float sum = 0;
            for (long t = 0; t < k; ++t) sum += a[i * k + t] * b[t * n + j];
            c[i * n + j] = sum;
        }
}
""")


class ModelNew(nn.Module):
    def forward(self, a, b):
        out = torch.empty(a.shape[0], b.shape[1])
        lib.forward(a, b, out, a.shape[0], a.shape[1], b.shape[1])
        return out
