# problem: embedded/36
# expected: correct
"""All channels of some pixels stay in registers between the two uses."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rms_norm(x, out, channels, pixels, eps, C: tl.constexpr, P: tl.constexpr):
    image = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * P + tl.arange(0, P)
    channel = tl.arange(0, C)
    place = image * channels * pixels + channel[:, None] * pixels + at[None, :]
    inside = (channel[:, None] < channels) & (at[None, :] < pixels)
    values = tl.load(x + place, mask=inside, other=0.0)
    mean = tl.sum(values * values, axis=0) / channels
    tl.store(out + place, values / tl.sqrt(mean + eps)[None, :], mask=inside)


class ModelNew(nn.Module):
    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps

    def forward(self, x):
        images, channels = x.shape[:2]
        pixels = x[0, 0].numel()
        out = torch.empty_like(x)
        grid = (images, triton.cdiv(pixels, 128))
        width = triton.next_power_of_2(channels)
        rms_norm[grid](x, out, channels, pixels, self.eps, C=width, P=128, num_warps=8)
        return out
