# problem: mean
# expected: correct
"""A full reduction in one sequence."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
#include <cmath>
extern "C" void forward(const float* x, const long* target, float* out, long rows, long columns) {
    float total = 0;
    for (long r = 0; r < rows; ++r) {
        const float* in = x + r * columns;
        float sum = 0;
        for (long c = 0; c < columns; ++c) sum += std::exp(in[c]);
        total += std::log(sum) - in[target[r]];
    }
    *out = total / rows;
}
""")


class ModelNew(nn.Module):
    def forward(self, x, target):
        out = torch.empty(())
        lib.forward(x, target, out, x.shape[0], x.shape[1])
        return out
