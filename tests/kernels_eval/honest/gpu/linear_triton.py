# problem: gpu/linear
# expected: correct
"""Product, bias and scale in one kernel."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear(x, weight, bias, scale, out, m, n, k, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    rows = tl.program_id(0) * M + tl.arange(0, M)
    columns = tl.program_id(1) * N + tl.arange(0, N)
    total = tl.zeros((M, N), dtype=tl.float32)
    for start in range(0, k, K):
        depth = start + tl.arange(0, K)
        left = tl.load(
            x + rows[:, None] * k + depth[None, :],
            mask=(rows[:, None] < m) & (depth[None, :] < k),
            other=0.0,
        )
        right = tl.load(
            weight + columns[None, :] * k + depth[:, None],
            mask=(depth[:, None] < k) & (columns[None, :] < n),
            other=0.0,
        )
        total = tl.dot(left, right, total, input_precision="ieee")
    offset = tl.load(bias + columns, mask=columns < n)
    factor = tl.load(scale + columns, mask=columns < n)
    total = (total + offset[None, :]) * factor[None, :]
    inside = (rows[:, None] < m) & (columns[None, :] < n)
    tl.store(out + rows[:, None] * n + columns[None, :], total, mask=inside)


class ModelNew(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.linear = nn.Linear(features, hidden)
        self.register_buffer("scale", torch.rand(hidden) + 0.5)

    def forward(self, x):
        (m, k), n = x.shape, self.scale.shape[0]
        out = torch.empty(m, n, device=x.device)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
        weight, bias = self.linear.weight, self.linear.bias
        linear[grid](x, weight, bias, self.scale, out, m, n, k, M=64, N=64, K=32, num_warps=4)
        return out
