"""A candidate for it: one pass over memory, where the reference writes the squares first."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

kernel = load(r"""
extern "C" void row_squares(const float* x, float* out, long rows, long columns) {
    for (long r = 0; r < rows; ++r) {
        const float* row = x + r * columns;
        float sums[16] = {0};
        long c = 0;
        for (; c + 16 <= columns; c += 16)
            for (int i = 0; i < 16; ++i) sums[i] += row[c + i] * row[c + i];
        for (; c < columns; ++c) sums[0] += row[c] * row[c];
        float total = 0;
        for (int i = 0; i < 16; ++i) total += sums[i];
        out[r] = total;
    }
}
""")


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty(x.shape[0])
        kernel.row_squares(x, out, x.shape[0], x.shape[1])
        return out
