# problem: softmax
# expected: correct
"""One pass for maximum and sum."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
#include <cmath>
extern "C" void forward(const float* x, float* out, long rows, long columns) {
    for (long r = 0; r < rows; ++r) {
        const float* in = x + r * columns;
        float top = -INFINITY, sum = 0;
        for (long c = 0; c < columns; ++c) {
            float higher = std::fmax(top, in[c]);
            sum = sum * std::exp(top - higher) + std::exp(in[c] - higher);
            top = higher;
        }
        for (long c = 0; c < columns; ++c) out[r * columns + c] = std::exp(in[c] - top) / sum;
    }
}
""")


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        lib.forward(x, out, x.shape[0], x.shape[1])
        return out
