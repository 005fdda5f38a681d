# problem: embedded/82
# expected: correct
"""One filter per channel: nine loads per output, most of them from the cache."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def depthwise(x, weight, out, channels, height, width, TAPS: tl.constexpr, BLOCK: tl.constexpr):
    plane = tl.program_id(0).to(tl.int64)
    out_height = height - TAPS + 1
    out_width = width - TAPS + 1
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < out_height * out_width
    row = at // out_width
    column = at % out_width
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for i in tl.static_range(TAPS):
        for j in tl.static_range(TAPS):
            factor = tl.load(weight + (plane % channels) * TAPS * TAPS + i * TAPS + j)
            place = plane * height * width + (row + i) * width + column + j
            total += factor * tl.load(x + place, mask=inside, other=0.0)
    tl.store(out + plane * out_height * out_width + at, total, mask=inside)


class ModelNew(nn.Module):
    def __init__(self, in_channels, kernel_size):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, in_channels, kernel_size, groups=in_channels, bias=False)

    def forward(self, x):
        images, channels, height, width = x.shape
        taps = self.conv.weight.shape[-1]
        out = torch.empty(images, channels, height - taps + 1, width - taps + 1, device=x.device)
        grid = (images * channels, triton.cdiv(out[0, 0].numel(), 1024))
        depthwise[grid](
            x, self.conv.weight, out, channels, height, width, TAPS=taps, BLOCK=1024, num_warps=4
        )
        return out
