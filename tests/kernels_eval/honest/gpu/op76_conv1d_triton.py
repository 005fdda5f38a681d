# problem: embedded/76
# expected: correct
"""One small matrix product per tap, in full float32."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def conv1d(
    x,
    weight,
    out,
    c_in,
    c_out,
    length,
    out_length,
    taps,
    stride,
    dilation,
    M: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
):
    image = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * N + tl.arange(0, N)
    channel = tl.program_id(2) * M + tl.arange(0, M)
    total = tl.zeros((M, N), dtype=tl.float32)
    for tap in range(0, taps):
        position = at * stride + tap * dilation
        for start in range(0, c_in, K):
            depth = start + tl.arange(0, K)
            left = tl.load(
                weight + (channel[:, None] * c_in + depth[None, :]) * taps + tap,
                mask=(channel[:, None] < c_out) & (depth[None, :] < c_in),
                other=0.0,
            )
            right = tl.load(
                x + (image * c_in + depth[:, None]) * length + position[None, :],
                mask=(depth[:, None] < c_in) & (at[None, :] < out_length),
                other=0.0,
            )
            total = tl.dot(left, right, total, input_precision="ieee")
    tl.store(
        out + (image * c_out + channel[:, None]) * out_length + at[None, :],
        total,
        mask=(channel[:, None] < c_out) & (at[None, :] < out_length),
    )


class ModelNew(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride, dilation):
        super().__init__()
        self.conv = nn.Conv1d(
            in_channels, out_channels, kernel_size, stride=stride, dilation=dilation, bias=False
        )

    def forward(self, x):
        weight = self.conv.weight
        (stride,), (dilation,) = self.conv.stride, self.conv.dilation
        images, c_in, length = x.shape
        c_out, _, taps = weight.shape
        out_length = (length - dilation * (taps - 1) - 1) // stride + 1
        out = torch.empty(images, c_out, out_length, device=x.device)
        grid = (images, triton.cdiv(out_length, 64), triton.cdiv(c_out, 64))
        conv1d[grid](
            x,
            weight,
            out,
            c_in,
            c_out,
            length,
            out_length,
            taps,
            stride,
            dilation,
            M=64,
            N=64,
            K=32,
            num_warps=4,
        )
        return out
