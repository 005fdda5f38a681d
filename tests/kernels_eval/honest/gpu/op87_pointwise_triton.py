# problem: embedded/87
# expected: correct
"""A matrix product over the channels of every pixel, in full float32."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def pointwise(
    x, weight, out, c_in, c_out, pixels, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr
):
    image = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * N + tl.arange(0, N)
    channel = tl.program_id(2) * M + tl.arange(0, M)
    total = tl.zeros((M, N), dtype=tl.float32)
    for start in range(0, c_in, K):
        depth = start + tl.arange(0, K)
        left = tl.load(
            weight + channel[:, None] * c_in + depth[None, :],
            mask=(channel[:, None] < c_out) & (depth[None, :] < c_in),
            other=0.0,
        )
        right = tl.load(
            x + (image * c_in + depth[:, None]) * pixels + at[None, :],
            mask=(depth[:, None] < c_in) & (at[None, :] < pixels),
            other=0.0,
        )
        total = tl.dot(left, right, total, input_precision="ieee")
    tl.store(
        out + (image * c_out + channel[:, None]) * pixels + at[None, :],
        total,
        mask=(channel[:, None] < c_out) & (at[None, :] < pixels),
    )


class ModelNew(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)

    def forward(self, x):
        images, c_in, height, width = x.shape
        c_out = self.conv.weight.shape[0]
        out = torch.empty(images, c_out, height, width, device=x.device)
        grid = (images, triton.cdiv(height * width, 128), triton.cdiv(c_out, 64))
        pointwise[grid](
            x, self.conv.weight, out, c_in, c_out, height * width, M=64, N=128, K=32, num_warps=8
        )
        return out
